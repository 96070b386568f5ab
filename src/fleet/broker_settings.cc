// Settings are sorted by name, so that what is rendered does not depend on the order of the file.
#include "fleet/broker_settings.h"

#include <algorithm>
#include <array>

#include "fleet/topic_settings.h"

namespace freshet::fleet {
namespace {

// How names of settings begin that targets write themselves, or that the operator refuses.
constexpr std::array<std::string_view, 19> kOfTargets = {"broker.id",
                                                         "node.id",
                                                         "broker.rack",
                                                         "log.dir",
                                                         "process.roles",
                                                         "controller.",
                                                         "listener",
                                                         "advertised.",
                                                         "inter.broker",
                                                         "security.",
                                                         "ssl.",
                                                         "sasl.",
                                                         "authorizer.",
                                                         "super.users",
                                                         "zookeeper.",
                                                         "host.name",
                                                         "metadata.log.dir",
                                                         "early.start.listeners",
                                                         "replica.selector.class"};
// Strimzi's operator takes these out with a warning in its own log, so nobody would notice.
constexpr std::array<std::string_view, 3> kOfStrimzi = {"broker.", "password.", "cruise.control.metrics."};

}  // namespace

std::map<std::string, std::string> broker_settings_of(const Cluster& cluster) {
  // These replace what Kafka's defaults get wrong for a cluster that must not lose anything: topics that a typo
  // creates, one replica, and leaders that lack messages.
  const uint32_t replication = std::min(cluster.brokers, 3u);
  std::map<std::string, std::string> out = {
      {"auto.create.topics.enable", "false"},
      {"default.replication.factor", std::to_string(replication)},
      {"min.insync.replicas", replication > 2 ? "2" : "1"},
      {"unclean.leader.election.enable", "false"},
  };
  if (cluster.read_from == ReadFrom::kClosest)
    out["replica.selector.class"] = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
  for (const auto& [name, value] : cluster.settings) out[name] = value;
  return out;
}

bool is_plain_value(std::string_view value) { return value == "true" || value == "false" || is_plain_number(value); }

std::string why_not_a_broker_setting(std::string_view name, Platform platform) {
  const auto begins_so = [&](std::string_view known) { return name.starts_with(known); };
  if (std::ranges::any_of(kOfTargets, begins_so))
    return "is written by what is rendered (see `security`, `volumes`, `zones`, `read_from`)";
  if (platform == Platform::kStrimzi && std::ranges::any_of(kOfStrimzi, begins_so))
    return "is taken out by Strimzi's operator, without a word";
  return "";
}

}  // namespace freshet::fleet
