#include "sinks/topic/target.h"

#include <fmt/core.h>

namespace freshet::sinks {
namespace {

// In milliseconds. A week is how long a reader may be away and still hear of a removal; after a day nothing is left of
// somebody who was erased.
constexpr const char* kTombstonesKept = "604800000";
constexpr const char* kCompactedWithin = "86400000";
constexpr const char* kStateBytesMost = "8388608";

Status make_state_topic(const StateTarget& target, size_t brokers) {
  cluster::NewTopic topic;
  topic.name = target.topic;
  topic.partitions = target.partitions;
  topic.replication = cluster::replicas_of(target.replication, cluster::kReplicasWanted, brokers);
  topic.configs = {{"cleanup.policy", "compact"},
                   {"delete.retention.ms", kTombstonesKept},
                   {"max.compaction.lag.ms", kCompactedWithin},
                   {"max.message.bytes", kStateBytesMost}};
  if (topic.replication >= cluster::kReplicasWanted) topic.configs.push_back({"min.insync.replicas", "2"});
  FRESHET_TRY(cluster::create_if_missing(*target.admin, topic, "state topic"));
  return cluster::not_known_yet(target.topic);
}

}  // namespace

Result<uint32_t> look_for_state_topic(cluster::Admin& admin, const std::string& topic) {
  FRESHET_ASSIGN(const auto view, admin.describe());
  const cluster::LivingTopic* const found = cluster::topic_named(view, topic);
  if (found == nullptr || found->partitions.empty())
    return fail(Code::kNotFound, "there is no topic " + topic + ", or it may not be seen");
  return static_cast<uint32_t>(found->partitions.size());
}

Result<size_t> prepare_state_topic(const StateTarget& target) {
  FRESHET_ASSIGN(const auto view, target.admin->describe());
  const cluster::LivingTopic* const found = cluster::topic_named(view, target.topic);
  if (found == nullptr || found->partitions.empty())
    return tl::unexpected(make_state_topic(target, view.brokers.size()).error());
  if (found->partitions.size() != target.partitions)
    return fail(Code::kInvalid,
                fmt::format("topic {} has {} partitions, and a state topic as many as `changes`, which are {}: name "
                            "another topic, which is made",
                            target.topic, found->partitions.size(), target.partitions));
  FRESHET_ASSIGN(const auto configs, target.admin->configs({{cluster::Resource::Kind::kTopic, target.topic}}));
  const std::string policy = cluster::value_of(configs.at(0).configs, "cleanup.policy").value_or("delete");
  if (policy != "compact")
    return fail(
        Code::kInvalid,
        fmt::format("topic {} has cleanup.policy={}, and would lose the state of profiles that do not change for "
                    "long: set it to compact, or name another topic, which is made so",
                    target.topic, policy));
  return cluster::record_limit(configs.at(0).configs);
}

}  // namespace freshet::sinks
