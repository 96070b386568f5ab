// Settings are sorted by name, so that what is rendered does not depend on the order of the file.
#include "fleet/broker_settings.h"

#include <algorithm>
#include <array>

#include "fleet/kafka_version.h"
#include "fleet/topic_settings.h"

namespace freshet::fleet {
namespace {

// How names of settings begin that targets write themselves, or that the operator refuses.
constexpr std::array<std::string_view, 18> kOfTargets = {"broker.id",
                                                         "node.id",
                                                         "broker.rack",
                                                         "log.dir",
                                                         "process.roles",
                                                         "controller.",
                                                         "listener",
                                                         "advertised.",
                                                         "inter.broker.listener.name",
                                                         "security.",
                                                         "ssl.",
                                                         "sasl.",
                                                         "authorizer.",
                                                         "super.users",
                                                         "host.name",
                                                         "metadata.log.dir",
                                                         "early.start.listeners",
                                                         "replica.selector.class"};
// They begin as those do, but nothing that is rendered writes them, and Strimzi's operator takes them.
constexpr std::array<std::string_view, 7> kFree = {"controller.quorum.election.backoff.max.ms",
                                                   "controller.quorum.election.timeout.ms",
                                                   "controller.quorum.fetch.timeout.ms",
                                                   "sasl.server.max.receive.size",
                                                   "ssl.cipher.suites",
                                                   "ssl.enabled.protocols",
                                                   "ssl.protocol"};
// What is rendered has no ZooKeeper, whatever the version.
constexpr std::array<std::string_view, 4> kOfZooKeeper = {"zookeeper.", "inter.broker.protocol.version",
                                                          "control.plane.listener.name", "password.encoder."};
// Strimzi's operator takes these out with a warning in its own log, so nobody would notice.
constexpr std::array<std::string_view, 3> kOfStrimzi = {"broker.", "password.", "cruise.control.metrics."};

// One may be away.
uint32_t default_min_isr(const Cluster& cluster) { return default_replication(cluster) > 2 ? 2 : 1; }

}  // namespace

std::map<std::string, std::string> broker_settings_of(const Cluster& cluster) {
  // These replace what Kafka's defaults get wrong for a cluster that must not lose anything: topics that a typo
  // creates, one replica, and leaders that lack messages.
  std::map<std::string, std::string> out = {
      {"auto.create.topics.enable", "false"},
      {"default.replication.factor", std::to_string(default_replication(cluster))},
      {"min.insync.replicas", std::to_string(default_min_isr(cluster))},
      {"unclean.leader.election.enable", "false"},
  };
  if (cluster.read_from == ReadFrom::kClosest)
    out["replica.selector.class"] = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
  for (const auto& [name, value] : cluster.settings) out[name] = value;
  return out;
}

std::map<std::string, std::string> own_topics_of(const Cluster& cluster) {
  const std::string replication = std::to_string(default_replication(cluster));
  const std::string min_isr = std::to_string(default_min_isr(cluster));
  std::map<std::string, std::string> out = {
      {"offsets.topic.replication.factor", replication},
      {"transaction.state.log.min.isr", min_isr},
      {"transaction.state.log.replication.factor", replication},
  };
  if (parse_version(cluster.kafka_version).first >= 4) {  // which has share groups
    out["share.coordinator.state.topic.min.isr"] = min_isr;
    out["share.coordinator.state.topic.replication.factor"] = replication;
  }
  for (auto& [name, value] : out)
    if (const std::string* said = said_setting(cluster.settings, name); said != nullptr) value = *said;
  return out;
}

uint32_t default_replication(const Cluster& cluster) { return std::min(cluster.brokers, 3u); }

bool is_plain_value(std::string_view value) { return value == "true" || value == "false" || is_plain_number(value); }

std::string why_not_a_broker_setting(std::string_view name, Platform platform) {
  const auto begins_so = [&](std::string_view known) { return name.starts_with(known); };
  if (std::ranges::find(kFree, name) != kFree.end()) return "";
  if (std::ranges::any_of(kOfZooKeeper, begins_so))
    return "is of clusters with ZooKeeper: brokers with KRaft, as they are rendered, take no notice of it";
  if (std::ranges::any_of(kOfTargets, begins_so))
    return "is written by what is rendered (see `security`, `volumes`, `zones`, `read_from`)";
  if (platform == Platform::kStrimzi && std::ranges::any_of(kOfStrimzi, begins_so))
    return "is taken out by Strimzi's operator, without a word";
  return "";
}

}  // namespace freshet::fleet
