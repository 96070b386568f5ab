// What a cluster says of itself, as plain values. Lists are sorted by name or number, so that two looks at the same
// cluster are equal.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/names.h"

namespace freshet::cluster {

struct Broker {
  int32_t id = 0;
  std::string host;
  uint16_t port = 0;
  std::string rack;  // "": it says none
};

struct Partition {
  int32_t id = 0;
  int32_t leader = -1;            // -1: none
  std::vector<int32_t> replicas;  // the preferred leader first
  std::vector<int32_t> in_sync;
};

struct LivingTopic {
  std::string name;
  std::vector<Partition> partitions;  // [i].id == i, of those that the brokers know
};

// The whole cluster at one moment: brokers that answer, topics that we may see. Brokers' own topics ("__…") are among
// them.
struct ClusterView {
  std::string id;
  int32_t controller = -1;  // -1: none is known
  std::vector<Broker> brokers;
  std::vector<LivingTopic> topics;
};

enum class ConfigSource : uint8_t {
  kUnknown,
  kTopic,           // set on the topic itself
  kBroker,          // set on one broker while it runs
  kBrokersDefault,  // set for all brokers while they run
  kStatic,          // a broker's server.properties
  kDefault,         // Kafka's
};
[[nodiscard]] constexpr auto names_of(ConfigSource) {
  using enum ConfigSource;
  return std::to_array<Name<ConfigSource>>({{kUnknown, "unknown"},
                                            {kTopic, "topic"},
                                            {kBroker, "broker"},
                                            {kBrokersDefault, "brokers' default"},
                                            {kStatic, "server.properties"},
                                            {kDefault, "default"}});
}

struct Config {
  std::string name;
  std::optional<std::string> value;  // nullopt: none, or it is sensitive and not told
  ConfigSource source = ConfigSource::kUnknown;
  bool read_only = false;
  bool sensitive = false;
};

// What has configurations.
struct Resource {
  enum class Kind : uint8_t { kTopic, kBroker };
  Kind kind = Kind::kTopic;
  std::string name;  // of a broker: its number
  auto operator<=>(const Resource&) const = default;
};
[[nodiscard]] constexpr auto names_of(Resource::Kind) {
  using enum Resource::Kind;
  return std::to_array<Name<Resource::Kind>>({{kTopic, "topic"}, {kBroker, "broker"}});
}

struct ConfigsOf {
  Resource of;
  std::vector<Config> configs;
};

// One key of a resource's own configurations.
struct ConfigChange {
  std::string name;
  std::optional<std::string> value;  // nullopt: take it away, so that what brokers have counts again
  bool operator==(const ConfigChange&) const = default;
};

struct NewTopic {
  std::string name;
  uint32_t partitions = 1;
  uint32_t replication = 1;
  std::vector<ConfigChange> configs;  // each with a value
};

struct PartitionRef {
  std::string topic;
  int32_t partition = 0;
  auto operator<=>(const PartitionRef&) const = default;
};

// Which offset of a partition is asked for.
struct OffsetAt {
  enum class Kind : uint8_t {
    kEarliest,
    kLatest,        // after the last record
    kLatestStable,  // after the last one that a reader of committed data may see
    kTime,          // of the first record at or after `time_ms`
    kNewest,        // of the record with the latest timestamp
  };
  Kind kind = Kind::kLatest;
  int64_t time_ms = 0;
};

struct OffsetAnswer {
  PartitionRef of;
  std::optional<int64_t> offset;   // nullopt with an empty error: there is no such record
  std::optional<int64_t> time_ms;  // of the record there, where kTime or kNewest asked
  std::string error;               // "": none; else why this partition has no answer
};

enum class GroupState : uint8_t {
  kUnknown,
  kEmpty,      // no members; its offsets are kept
  kStable,     // every partition has its reader
  kRebalance,  // partitions are being shared out
  kDead,
};
[[nodiscard]] constexpr auto names_of(GroupState) {
  using enum GroupState;
  return std::to_array<Name<GroupState>>(
      {{kUnknown, "unknown"}, {kEmpty, "empty"}, {kStable, "stable"}, {kRebalance, "rebalance"}, {kDead, "dead"}});
}

struct Group {
  std::string name;
  GroupState state = GroupState::kUnknown;
};

// The groups that the brokers told, and what kept others from telling theirs.
struct Groups {
  std::vector<Group> list;
  std::vector<std::string> errors;
};

struct Member {
  std::string client_id;
  std::string host;
  std::vector<PartitionRef> assigned;  // [] too where its assignment is not in Kafka's consumer protocol
};

struct CommittedOffset {
  PartitionRef of;
  int64_t next = 0;      // the first record that the group has not read
  std::string metadata;  // what its committer left beside it
};

}  // namespace freshet::cluster
