// A fleet of Kafka clusters as plain values: what `fleet.yaml` says, its references resolved to indices, its defaults
// applied, the topics that mirrors make in their targets added. Lint, plan and render are functions of it.
//
// Lists are in the order of the file (topics made by mirrors after those of the file), which is the order of all
// output. Read by `fleet/topology_yaml.h`; figures that follow from it are in `fleet/rates.h`.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/names.h"
#include "fleet/region_prices.h"
#include "fleet/security.h"
#include "yaml/node.h"

namespace freshet::fleet {

// References are indices, not pointers, so that a topology can be copied and changed (a what-if of plan, a fix of
// lint) without mending them. Every Index in a topology that parse_topology() returned is below the size of its list,
// or kNone where the comment says so.
using Index = uint32_t;  // into a list of Topology
inline constexpr Index kNone = std::numeric_limits<Index>::max();

// Where a thing stands in the file; a topic made by a mirror where the mirror does.
using yaml::Where;

// A cloud region: the unit in which traffic between zones is cheap and between regions is not.
struct Region {
  std::string name;                // "us-east-1"
  std::vector<std::string> zones;  // "us-east-1a", …: all different
  RegionPrices prices;             // instead of those that are known of it
  Where where;
};

enum class ClusterKind : uint8_t {
  kFronting,  // root topics; producers and mirrors only
  kBackend,   // the topics of a group of services
};
[[nodiscard]] constexpr auto names_of(ClusterKind) {
  using enum ClusterKind;
  return std::to_array<Name<ClusterKind>>({{kFronting, "fronting"}, {kBackend, "backend"}});
}
// How brokers are run: as machines of their own (rendered as Terraform and Ansible) or by the Strimzi operator in
// Kubernetes.
enum class Platform : uint8_t { kEc2, kStrimzi };
[[nodiscard]] constexpr auto names_of(Platform) {
  using enum Platform;
  return std::to_array<Name<Platform>>({{kEc2, "ec2"}, {kStrimzi, "strimzi"}});
}

// Which replica of a partition its readers fetch from: the leader, wherever it is, or one in their own zone (KIP-392),
// which costs no traffic between zones. Readers must say where they are (`client.rack`).
enum class ReadFrom : uint8_t { kLeader, kClosest };
[[nodiscard]] constexpr auto names_of(ReadFrom) {
  using enum ReadFrom;
  return std::to_array<Name<ReadFrom>>({{kLeader, "leader"}, {kClosest, "closest"}});
}

struct Volumes {       // of each broker
  uint32_t count = 1;  // log dirs
  std::string type = "gp3";
  uint64_t size_bytes = 500ull << 30;  // of one volume, as are these
  uint32_t iops = 3000;
  uint64_t throughput_bytes_per_s = 125ull << 20;
};

// How the living cluster is reached, by whatever looks at it or changes it (fleet/live/). Values of properties are as
// the file has them: ${NAME} in them is looked up in the environment when somebody connects.
struct Connect {
  std::string bootstrap;                                        // "host:9092,host:9092"; "": as it is rendered
  std::vector<std::pair<std::string, std::string>> properties;  // librdkafka's; names all different
  std::string cluster_id;                                       // that it must have; "": any
};

// What `freshet fleet watch` may do to the living cluster beside looking at it.
struct Watch {
  std::string probe;  // the topic that it may make and write to; "": none
};

// A Kafka cluster: `brokers` machines (or pods) of one kind, numbered from 0 in the order in which zones are dealt.
struct Cluster {
  std::string name;
  ClusterKind kind = ClusterKind::kBackend;
  Platform platform = Platform::kEc2;
  Index region = kNone;
  std::vector<std::string> zones;  // of its region, all of them by default; brokers are spread over them in turn
  uint32_t brokers = 3;
  std::string instance = "c6g.xlarge";
  Volumes volumes;
  uint32_t controllers = 3;  // machines of their own; 0: the first brokers have both roles
  std::string controller_instance = "m6g.large";
  std::string kafka_version = "3.9.1";      // of kEc2; on kStrimzi another one is the default (kafka_version.h)
  std::vector<std::string> service_groups;  // whom it is for; a fronting cluster may have none
  std::string shared_because;               // why more than one
  std::string dns_zone;                     // brokers are <cluster>-<n>.<dns_zone>; "": the fleet's
  std::string kubernetes_namespace = "kafka";
  std::string storage_class = "gp3";  // kStrimzi
  std::string owner;                  // a team
  std::string description;            // for people
  ReadFrom read_from = ReadFrom::kLeader;
  std::vector<std::string> maintenance;  // windows in which moves may begin (rebalance/windows.h); none: always
  Security security;
  // Kafka's settings of brokers that have no key of their own here; names all different, as in the file.
  std::vector<std::pair<std::string, std::string>> settings;
  Connect connect;
  Watch watch;
  Where where;
  Where volumes_where;
  Where security_where;
  Where connect_where;
  Where watch_where;
};

// The producers' codec; brokers and mirrors keep batches as they come (compression.type=producer).
enum class Compression : uint8_t { kUncompressed, kGzip, kSnappy, kLz4, kZstd };
[[nodiscard]] constexpr auto names_of(Compression) {
  using enum Compression;
  return std::to_array<Name<Compression>>(
      {{kUncompressed, "none"}, {kGzip, "gzip"}, {kSnappy, "snappy"}, {kLz4, "lz4"}, {kZstd, "zstd"}});
}
enum class Cleanup : uint8_t { kDelete, kCompact, kCompactDelete };
[[nodiscard]] constexpr auto names_of(Cleanup) {
  using enum Cleanup;
  return std::to_array<Name<Cleanup>>({{kDelete, "delete"}, {kCompact, "compact"}, {kCompactDelete, "compact_delete"}});
}

// A topic in one cluster. A topic that a mirror copies is one Topic in each cluster: `mirrors` says who writes it
// here.
struct Topic {
  std::string name;
  Index cluster = kNone;
  uint32_t partitions = 6;
  uint32_t replication = 3;
  uint32_t min_isr = 2;
  int64_t retention_us = 86'400'000'000;  // 0: without end
  uint64_t retention_bytes = 0;           // of a partition; 0: without bound
  // With tiered storage (KIP-405): how long messages are on the brokers' disks, too; older ones are in the remote
  // storage alone. 0: not tiered, everything is on the disks.
  int64_t local_retention_us = 0;
  Cleanup cleanup = Cleanup::kDelete;
  uint64_t compacted_bytes = 0;  // the last message of each key, of all partitions, as kept; 0: not known
  Compression compression = Compression::kLz4;  // of the producers
  double compression_ratio = 0;                 // message bytes to bytes sent and kept; 0: usual for the codec
  double messages_per_s = 0;                    // on average, into this topic
  uint64_t message_bytes = 1024;                // on average, before compression
  uint64_t message_bytes_max = 1ull << 20;
  double peak_factor = 2;               // highest rate to average
  double growth_percent_per_month = 0;  // the fleet's by default
  std::string owner;
  std::string description;  // for people
  // Kafka's settings of topics that have no key of their own here; names all different, as in the file.
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<Index> mirrors;  // that write it
  bool declared = true;        // false: a mirror makes it, with the source's settings
  Where where;
};

// A program that produces or consumes, as many instances of it as run.
struct Service {
  std::string name;
  std::string group;           // its service group
  std::string owner;           // a team
  uint32_t instances = 1;      // usually
  bool autoscaled = false;     // then up to instances_max
  uint32_t instances_max = 1;  // == instances if not autoscaled
  Where where;
};

// What a producer waits for: all in-sync replicas, the leader's page cache, or nothing.
enum class Acks : uint8_t { kAll, kLeader, kNothing };
[[nodiscard]] constexpr auto names_of(Acks) {
  using enum Acks;
  return std::to_array<Name<Acks>>({{kAll, "all"}, {kLeader, "leader"}, {kNothing, "none"}});
}

// A service that writes topics of one cluster, and how its client gathers messages into requests.
struct Producer {
  Index service = kNone;
  std::vector<Index> topics;  // of one cluster
  double messages_per_s = 0;  // of all instances, into all topics; 0: an equal share of what each topic gets
  int64_t linger_us = 5000;
  uint64_t batch_bytes = 16384;
  Acks acks = Acks::kAll;
  Where where;
};

// A service that reads topics of one cluster, as one consumer group: a partition is read by one instance at a time.
struct Consumer {
  Index service = kNone;
  std::string group;  // the service's name by default
  std::vector<Index> topics;
  double messages_per_s_each = 0;  // that one instance can handle; 0: not known
  Where where;
};

// Of mirrored messages. Exactly once needs Kafka Connect 3.3 and more (KIP-618).
enum class Guarantee : uint8_t { kAtLeastOnce, kExactlyOnce };
[[nodiscard]] constexpr auto names_of(Guarantee) {
  using enum Guarantee;
  return std::to_array<Name<Guarantee>>({{kAtLeastOnce, "at_least_once"}, {kExactlyOnce, "exactly_once"}});
}

// Which program does it: MirrorMaker 2 (KIP-382), partition by partition, or `freshet mirror`, always exactly once and
// into any number of partitions.
enum class MirrorKind : uint8_t { kMirrorMaker, kFreshet };
[[nodiscard]] constexpr auto names_of(MirrorKind) {
  using enum MirrorKind;
  return std::to_array<Name<MirrorKind>>({{kMirrorMaker, "mirror_maker"}, {kFreshet, "freshet"}});
}

// What the file says of a free setting (`settings` of a cluster or a topic); null: nothing.
[[nodiscard]] const std::string* said_setting(const std::vector<std::pair<std::string, std::string>>& settings,
                                              std::string_view name);

// One topic of a mirror: what is read, and what is written.
struct MirroredTopic {
  Index from = kNone;  // topics
  Index to = kNone;    // of the same name
};

// MirrorMaker 2 takes these for topics of Kafka, Connect or itself and never copies them, whatever its patterns say:
// names that end with -internal, .internal or .replica, or begin with a dot or "__", and its heartbeats.
[[nodiscard]] bool is_never_mirrored(std::string_view topic);

// Copies topics from one cluster to another; their names stay.
struct Mirror {
  std::string name;
  MirrorKind kind = MirrorKind::kMirrorMaker;
  Index from = kNone;  // clusters
  Index to = kNone;
  std::vector<MirroredTopic> topics;
  uint32_t partitions = 0;  // of topics that it makes; 0: as many as at the source
  Guarantee guarantee = Guarantee::kAtLeastOnce;
  uint32_t tasks = 4;  // of MirrorMaker; four of them are a process of either kind
  std::string user;    // that it connects as, where brokers ask; "": none
  std::string owner;
  Where where;
};

// Somebody whom the brokers of one cluster know by name: a service, or whoever the ACLs are for.
struct User {
  std::string name;
  Index cluster = kNone;
  Index service = kNone;      // its clients' needs are allowed, too (fleet/access.h); kNone: only `acls` are
  std::string password;       // "${NAME}": where it is, never what it is; "": nothing is known of it
  std::vector<AclRule> acls;  // allowed
  Quota quota;
  std::string owner;
  std::string description;  // for people
  Where where;
};

// What is promised; 0: not promised.
struct ServiceLevel {
  std::string name;
  Index cluster = kNone;       // kNone: every one
  Index topic = kNone;         // kNone: all of the cluster
  std::string group;           // a consumer group; "": all
  double availability = 0;     // percent of the time, as 99.9
  int64_t produce_p99_us = 0;  // of produce requests
  int64_t lag_max_us = 0;      // how old the oldest unread message may be
  Where where;
};

// Of an alert: whether somebody looks in working hours, or is woken.
enum class Severity : uint8_t { kWarn, kCritical };
[[nodiscard]] constexpr auto names_of(Severity) {
  using enum Severity;
  return std::to_array<Name<Severity>>({{kWarn, "warn"}, {kCritical, "critical"}});
}

// Where alerts go.
struct AlertRoute {
  enum class Kind : uint8_t { kSlack, kPagerduty };
  Severity severity = Severity::kWarn;
  Kind kind = Kind::kSlack;
  std::string target;  // channel, or name of the PagerDuty service
  std::string owner;   // only what this team owns; "": everything
  Where where;
};

// A finding of lint that is known and wanted.
struct Accepted {
  std::string rule;
  std::string subject;  // "cluster NAME", "topic CLUSTER/NAME", …, as findings show it; "": everywhere
  std::string because;
  Where where;
};

// The whole file. Owns everything; pure values, safe to read from several threads.
struct Topology {
  std::string name;
  std::string dns_zone = "kafka.internal";
  double growth_percent_per_month = 0;
  std::vector<Region> regions;
  std::vector<Cluster> clusters;
  std::vector<Topic> topics;
  std::vector<Service> services;
  std::vector<Producer> producers;
  std::vector<Consumer> consumers;
  std::vector<Mirror> mirrors;
  std::vector<User> users;
  std::vector<ServiceLevel> service_levels;
  std::vector<AlertRoute> alert_routes;
  std::vector<Accepted> accepted;
  std::string file;  // its path as given, for findings and headers
  Where where;

  [[nodiscard]] const Cluster& cluster_of(const Topic& topic) const { return clusters[topic.cluster]; }
  // "front/clicks"
  [[nodiscard]] std::string path_of(const Topic& topic) const { return cluster_of(topic).name + "/" + topic.name; }
  // kNone: there is no such.
  [[nodiscard]] Index find_cluster(std::string_view name) const;
  [[nodiscard]] Index find_topic(Index cluster, std::string_view name) const;
  [[nodiscard]] Index find_service(std::string_view name) const;
};

}  // namespace freshet::fleet
