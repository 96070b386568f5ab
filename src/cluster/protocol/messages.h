// Requests and responses of the keys that librdkafka lacks, and of those that they need: what each version has is in
// messages.cc, once for both directions. Fields that a version does not have keep their defaults. Names and meanings
// are Kafka's; "error" is one of its error codes (0: none; error_text() of errors.h).
//
// Each request says its key, which versions we speak, from which one on the flexible encoding is used, and its
// response.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/protocol/data_messages.h"
#include "cluster/protocol/wire.h"

namespace freshet::cluster::protocol {

// --- connecting: which versions a broker has, and who we are ---

struct ApiVersionsResponse {
  struct Range {
    int16_t key = 0, least = 0, most = 0;
  };
  int16_t error = 0;
  std::vector<Range> ranges;
  int32_t throttle_ms = 0;
};
struct ApiVersionsRequest {
  static constexpr int16_t kKey = 18, kLeast = 0, kMost = 3, kFlexible = 3;
  using Response = ApiVersionsResponse;
  std::string software_name = "freshet", software_version = "1";
};

struct SaslHandshakeResponse {
  int16_t error = 0;
  std::vector<std::string> mechanisms;
};
struct SaslHandshakeRequest {
  static constexpr int16_t kKey = 17, kLeast = 1, kMost = 1, kFlexible = 99;
  using Response = SaslHandshakeResponse;
  std::string mechanism;
};

struct SaslAuthenticateResponse {
  int16_t error = 0;
  std::optional<std::string> message;
  std::string data;
  int64_t session_ms = 0;  // the session ends then; 0: never
};
struct SaslAuthenticateRequest {
  static constexpr int16_t kKey = 36, kLeast = 0, kMost = 2, kFlexible = 2;
  using Response = SaslAuthenticateResponse;
  std::string data;
};

// --- what there is ---

struct MetadataResponse {
  struct Broker {
    int32_t id = 0;
    std::string host;
    int32_t port = 0;
    std::optional<std::string> rack;
  };
  struct Partition {
    int16_t error = 0;
    int32_t index = 0, leader = -1, leader_epoch = -1;
    std::vector<int32_t> replicas, in_sync, offline;
  };
  struct Topic {
    int16_t error = 0;
    std::optional<std::string> name;
    Uuid id{};
    bool internal = false;
    std::vector<Partition> partitions;
    int32_t operations = 0;
  };
  int32_t throttle_ms = 0;
  std::vector<Broker> brokers;
  std::optional<std::string> cluster_id;
  int32_t controller = -1;
  std::vector<Topic> topics;
  int32_t operations = 0;
};
struct MetadataRequest {
  static constexpr int16_t kKey = 3, kLeast = 7, kMost = 12, kFlexible = 9;
  using Response = MetadataResponse;
  struct Topic {
    Uuid id{};
    std::optional<std::string> name;
  };
  std::optional<std::vector<Topic>> topics;  // nullopt: all
  bool create_topics = false;                // a look makes nothing
  bool with_cluster_operations = false, with_topic_operations = false;
};

struct DescribeLogDirsResponse {
  struct Partition {
    int32_t index = 0;
    int64_t bytes = 0, lag = 0;  // lag: how many offsets a future replica is behind
    bool is_future = false;      // the copy of a move within the broker that is under way
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  struct Dir {
    int16_t error = 0;
    std::string path;
    std::vector<Topic> topics;
    int64_t total_bytes = -1, usable_bytes = -1;  // of its volume; -1: not told (before version 4)
  };
  int32_t throttle_ms = 0;
  int16_t error = 0;
  std::vector<Dir> dirs;
};
// To each broker for its own.
struct DescribeLogDirsRequest {
  static constexpr int16_t kKey = 35, kLeast = 0, kMost = 4, kFlexible = 2;
  using Response = DescribeLogDirsResponse;
  std::optional<std::vector<TopicPartitions>> topics;  // nullopt: all
};

struct DescribeConfigsResponse {
  struct Synonym {
    std::string name;
    std::optional<std::string> value;
    int8_t source = 0;
  };
  struct Config {
    std::string name;
    std::optional<std::string> value;  // nullopt: secret
    bool read_only = false;
    int8_t source = 0;  // kDynamic…
    bool is_sensitive = false;
    std::vector<Synonym> synonyms;
    int8_t type = 0;
    std::optional<std::string> documentation;
  };
  struct Resource {
    int16_t error = 0;
    std::optional<std::string> message;
    int8_t type = 0;
    std::string name;
    std::vector<Config> configs;
  };
  int32_t throttle_ms = 0;
  std::vector<Resource> resources;
};
inline constexpr int8_t kTopicResource = 2, kBrokerResource = 4;
inline constexpr int8_t kDynamicTopicConfig = 1, kDynamicBrokerConfig = 2, kDynamicDefaultBrokerConfig = 3;
// Of brokers: to that broker.
struct DescribeConfigsRequest {
  static constexpr int16_t kKey = 32, kLeast = 1, kMost = 4, kFlexible = 4;
  using Response = DescribeConfigsResponse;
  struct Resource {
    int8_t type = kTopicResource;
    std::string name;
    std::optional<std::vector<std::string>> keys;  // nullopt: all
  };
  std::vector<Resource> resources;
  bool with_synonyms = false, with_documentation = false;
};

// --- offsets and groups ---

inline constexpr int64_t kLatest = -1, kEarliest = -2;  // times that ListOffsets takes

struct ListOffsetsResponse {
  struct Partition {
    int32_t index = 0;
    int16_t error = 0;
    int64_t time_ms = -1, offset = -1;
    int32_t leader_epoch = -1;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_ms = 0;
  std::vector<Topic> topics;
};
// To the partitions' leader; each partition at most once.
struct ListOffsetsRequest {
  static constexpr int16_t kKey = 2, kLeast = 2, kMost = 6, kFlexible = 6;
  using Response = ListOffsetsResponse;
  struct Partition {
    int32_t index = 0, leader_epoch = -1;
    int64_t time_ms = kLatest;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t replica = -1;
  int8_t isolation = 0;  // 1: kLatest is before transactions that are open
  std::vector<Topic> topics;
};

struct ListGroupsResponse {
  struct Group {
    std::string group, protocol_type, state, type;  // "": not told (state before version 4, type before 5)
  };
  int32_t throttle_ms = 0;
  int16_t error = 0;
  std::vector<Group> groups;
};
// To each broker, for the groups that it coordinates.
struct ListGroupsRequest {
  static constexpr int16_t kKey = 16, kLeast = 1, kMost = 5, kFlexible = 3;
  using Response = ListGroupsResponse;
  std::vector<std::string> states, types;  // []: all
};

struct OffsetFetchResponse {
  struct Partition {
    int32_t index = 0;
    int64_t offset = -1;  // -1: nothing is committed
    int32_t leader_epoch = -1;
    std::optional<std::string> metadata;
    int16_t error = 0;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_ms = 0;
  std::vector<Topic> topics;
  int16_t error = 0;
};
// To the group's coordinator.
struct OffsetFetchRequest {
  static constexpr int16_t kKey = 9, kLeast = 2, kMost = 7, kFlexible = 6;
  using Response = OffsetFetchResponse;
  std::string group;
  std::optional<std::vector<TopicPartitions>> topics;  // nullopt: all that it has committed
  bool require_stable = false;
};

// --- what can be changed ---

struct IncrementalAlterConfigsResponse {
  struct Resource {
    int16_t error = 0;
    std::optional<std::string> message;
    int8_t type = 0;
    std::string name;
  };
  int32_t throttle_ms = 0;
  std::vector<Resource> resources;
};
struct IncrementalAlterConfigsRequest {
  static constexpr int16_t kKey = 44, kLeast = 0, kMost = 1, kFlexible = 1;
  static constexpr int8_t kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3;
  using Response = IncrementalAlterConfigsResponse;
  struct Config {
    std::string name;
    int8_t operation = kSet;
    std::optional<std::string> value;
  };
  struct Resource {
    int8_t type = kTopicResource;
    std::string name;
    std::vector<Config> configs;
  };
  std::vector<Resource> resources;
  bool validate_only = false;
};

struct AlterReplicaLogDirsResponse {
  struct Partition {
    int32_t index = 0;
    int16_t error = 0;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_ms = 0;
  std::vector<Topic> topics;
};
// To the broker whose replicas move.
struct AlterReplicaLogDirsRequest {
  static constexpr int16_t kKey = 34, kLeast = 0, kMost = 2, kFlexible = 2;
  using Response = AlterReplicaLogDirsResponse;
  struct Dir {
    std::string path;
    std::vector<TopicPartitions> topics;
  };
  std::vector<Dir> dirs;
};

struct ElectLeadersResponse {
  struct Partition {
    int32_t index = 0;
    int16_t error = 0;
    std::optional<std::string> message;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_ms = 0;
  int16_t error = 0;
  std::vector<Topic> topics;
};
// To the controller.
struct ElectLeadersRequest {
  static constexpr int16_t kKey = 43, kLeast = 0, kMost = 2, kFlexible = 2;
  static constexpr int8_t kPreferred = 0, kUnclean = 1;
  using Response = ElectLeadersResponse;
  int8_t type = kPreferred;
  std::optional<std::vector<TopicPartitions>> topics;  // nullopt: all
  int32_t timeout_ms = 30'000;
};

struct AlterPartitionReassignmentsResponse {
  struct Partition {
    int32_t index = 0;
    int16_t error = 0;
    std::optional<std::string> message;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_ms = 0;
  bool allow_replication_change = true;
  int16_t error = 0;
  std::optional<std::string> message;
  std::vector<Topic> topics;
};
// To the controller.
struct AlterPartitionReassignmentsRequest {
  static constexpr int16_t kKey = 45, kLeast = 0, kMost = 1, kFlexible = 0;
  using Response = AlterPartitionReassignmentsResponse;
  struct Partition {
    int32_t index = 0;
    std::optional<std::vector<int32_t>> replicas;  // nullopt: cancels what is under way
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t timeout_ms = 30'000;
  bool allow_replication_change = true;
  std::vector<Topic> topics;
};

struct ListPartitionReassignmentsResponse {
  struct Partition {
    int32_t index = 0;
    std::vector<int32_t> replicas, adding, removing;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_ms = 0;
  int16_t error = 0;
  std::optional<std::string> message;
  std::vector<Topic> topics;
};
// To the controller.
struct ListPartitionReassignmentsRequest {
  static constexpr int16_t kKey = 46, kLeast = 0, kMost = 0, kFlexible = 0;
  using Response = ListPartitionReassignmentsResponse;
  int32_t timeout_ms = 30'000;
  std::optional<std::vector<TopicPartitions>> topics;  // nullopt: all
};

// --- who may do what ---

// One ACL, as a binding or as a filter. Kafka's numbers; 1 is "any" in filters.
inline constexpr int8_t kAnyOf = 1, kTopicAcl = 2, kGroupAcl = 3, kClusterAcl = 4, kTransactionalIdAcl = 5;
inline constexpr int8_t kLiteralName = 3, kPrefixedName = 4, kAllowed = 3;

struct DescribeAclsResponse {
  struct Acl {
    std::string principal, host;
    int8_t operation = 0, permission = 0;
  };
  struct Resource {
    int8_t type = 0;
    std::string name;
    int8_t pattern = kLiteralName;
    std::vector<Acl> acls;
  };
  int32_t throttle_ms = 0;
  int16_t error = 0;
  std::optional<std::string> message;
  std::vector<Resource> resources;
};
// Of all that fit; as it stands: all.
struct DescribeAclsRequest {
  static constexpr int16_t kKey = 29, kLeast = 1, kMost = 3, kFlexible = 2;
  using Response = DescribeAclsResponse;
  int8_t type = kAnyOf;
  std::optional<std::string> name;
  int8_t pattern = kAnyOf;
  std::optional<std::string> principal, host;
  int8_t operation = kAnyOf, permission = kAnyOf;
};

struct CreateAclsResponse {
  struct Result {
    int16_t error = 0;
    std::optional<std::string> message;
  };
  int32_t throttle_ms = 0;
  std::vector<Result> results;  // in the order of the request
};
struct CreateAclsRequest {
  static constexpr int16_t kKey = 30, kLeast = 1, kMost = 3, kFlexible = 2;
  using Response = CreateAclsResponse;
  struct Acl {
    int8_t type = kTopicAcl;
    std::string name;
    int8_t pattern = kLiteralName;
    std::string principal, host;
    int8_t operation = 0, permission = kAllowed;
  };
  std::vector<Acl> acls;
};

// Whom a quota is of: parts as {"user", name}; without a name: the default.
struct QuotaEntity {
  std::string type;
  std::optional<std::string> name;
};
struct DescribeClientQuotasResponse {
  struct Value {
    std::string key;
    double value = 0;
  };
  struct Entry {
    std::vector<QuotaEntity> entity;
    std::vector<Value> values;
  };
  int32_t throttle_ms = 0;
  int16_t error = 0;
  std::optional<std::string> message;
  std::optional<std::vector<Entry>> entries;  // nullopt with an error
};
struct DescribeClientQuotasRequest {
  static constexpr int16_t kKey = 48, kLeast = 0, kMost = 1, kFlexible = 1;
  static constexpr int8_t kExact = 0, kDefault = 1, kAny = 2;
  using Response = DescribeClientQuotasResponse;
  struct Component {
    std::string type;
    int8_t match_type = kAny;
    std::optional<std::string> match;
  };
  std::vector<Component> components;
  bool strict = false;  // no entity with other parts
};

struct AlterClientQuotasResponse {
  struct Entry {
    int16_t error = 0;
    std::optional<std::string> message;
    std::vector<QuotaEntity> entity;
  };
  int32_t throttle_ms = 0;
  std::vector<Entry> entries;
};
struct AlterClientQuotasRequest {
  static constexpr int16_t kKey = 49, kLeast = 0, kMost = 1, kFlexible = 1;
  using Response = AlterClientQuotasResponse;
  struct Op {
    std::string key;
    double value = 0;
    bool remove = false;
  };
  struct Entry {
    std::vector<QuotaEntity> entity;
    std::vector<Op> ops;
  };
  std::vector<Entry> entries;
  bool validate_only = false;
};

inline constexpr int8_t kSha256Credential = 1, kSha512Credential = 2;
struct DescribeScramResponse {
  struct Info {
    int8_t mechanism = 0;
    int32_t iterations = 0;
  };
  struct User {
    std::string name;
    int16_t error = 0;
    std::optional<std::string> message;
    std::vector<Info> infos;
  };
  int32_t throttle_ms = 0;
  int16_t error = 0;
  std::optional<std::string> message;
  std::vector<User> users;
};
// DescribeUserScramCredentials
struct DescribeScramRequest {
  static constexpr int16_t kKey = 50, kLeast = 0, kMost = 0, kFlexible = 0;
  using Response = DescribeScramResponse;
  struct User {
    std::string name;
  };
  std::optional<std::vector<User>> users;  // nullopt: all
};

struct AlterScramResponse {
  struct User {
    std::string name;
    int16_t error = 0;
    std::optional<std::string> message;
  };
  int32_t throttle_ms = 0;
  std::vector<User> users;
};
// AlterUserScramCredentials, to the controller
struct AlterScramRequest {
  static constexpr int16_t kKey = 51, kLeast = 0, kMost = 0, kFlexible = 0;
  using Response = AlterScramResponse;
  struct Deletion {
    std::string name;
    int8_t mechanism = 0;
  };
  struct Upsertion {
    std::string name;
    int8_t mechanism = 0;
    int32_t iterations = 0;
    std::string salt, salted_password;
  };
  std::vector<Deletion> deletions;
  std::vector<Upsertion> upsertions;
};

inline constexpr int kRequestKinds = 28;
// Calls visit(request) with an empty one of each kind: for tables and tests.
template <class Visit>
void each_request(const Visit& visit) {
  visit(ApiVersionsRequest());
  visit(SaslHandshakeRequest());
  visit(SaslAuthenticateRequest());
  visit(MetadataRequest());
  visit(DescribeLogDirsRequest());
  visit(DescribeConfigsRequest());
  visit(IncrementalAlterConfigsRequest());
  visit(AlterReplicaLogDirsRequest());
  visit(ElectLeadersRequest());
  visit(AlterPartitionReassignmentsRequest());
  visit(ListPartitionReassignmentsRequest());
  visit(ListOffsetsRequest());
  visit(ListGroupsRequest());
  visit(OffsetFetchRequest());
  visit(DescribeAclsRequest());
  visit(CreateAclsRequest());
  visit(DescribeClientQuotasRequest());
  visit(AlterClientQuotasRequest());
  visit(DescribeScramRequest());
  visit(AlterScramRequest());
  visit(ProduceRequest());
  visit(FetchRequest());
  visit(CreateTopicsRequest());
  visit(FindCoordinatorRequest());
  visit(InitProducerIdRequest());
  visit(AddPartitionsToTxnRequest());
  visit(EndTxnRequest());
  visit(CreatePartitionsRequest());
}

}  // namespace freshet::cluster::protocol
