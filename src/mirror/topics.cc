#include "mirror/topics.h"

#include <fmt/format.h>

#include <algorithm>

#include "cluster/stream/target.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::mirror {
namespace {

using cluster::Admin;
using cluster::Resource;

constexpr size_t kLetterBytesMax = 100u << 20;

telemetry::Counter& made_counter() {
  static telemetry::Counter& made =
      telemetry::counter("freshet_mirror_topics_made_total", "Topics that were made in the target.");
  return made;
}

}  // namespace

std::vector<cluster::ConfigChange> mirrored_configs(const std::vector<cluster::Config>& configs) {
  std::vector<cluster::ConfigChange> out;
  for (const cluster::Config& config : configs) {
    if (config.source != cluster::ConfigSource::kTopic || !config.value || config.sensitive) continue;
    if (config.name.find("throttled") != std::string::npos || config.name == "min.insync.replicas") continue;
    if (config.name.starts_with("remote.") || config.name == "unclean.leader.election.enable") continue;
    out.push_back({config.name, config.value});
  }
  return out;
}

Topics::Topics(const Config& config, cluster::Admin& source, cluster::Admin& target)
    : config_(config), source_(source), target_(target) {}

Topic* Topics::find(const std::string& name) {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second.get();
}

size_t Topics::batch_bytes_max() const {
  size_t least = cluster::kRecordBytesDefault;
  for (const auto& [name, topic] : topics_)
    if (topic->record_bytes_max > 0) least = std::min(least, topic->record_bytes_max);
  return least;
}

uint32_t Topics::replication_for(uint32_t wanted) const {
  return std::clamp(config_.replication > 0 ? config_.replication : wanted, 1u, target_brokers_);
}

// Another process of the mirror may have been first.
Status Topics::create(cluster::NewTopic topic) {
  const Status made = target_.create_topic(topic, Admin::Do::kIt);
  if (!made && made.error().code != Code::kConflict) return made;
  if (made) {
    made_counter().add();
    spdlog::info("mirror {}: made topic {} with {} partitions", config_.name, topic.name, topic.partitions);
  }
  in_target_[topic.name] = std::max(in_target_[topic.name], topic.partitions);
  return {};
}

Status Topics::make_own() {
  if (!in_target_.contains(letters_topic(config_)))
    FRESHET_TRY(create(
        {letters_topic(config_), 1, replication_for(3), {{"max.message.bytes", std::to_string(kLetterBytesMax)}}}));
  if (!in_target_.contains(heartbeat_topic(config_)))
    FRESHET_TRY(create({heartbeat_topic(config_), 1, replication_for(3), {{"cleanup.policy", "compact"}}}));
  return {};
}

// Its partitions are what the group shares out, so it follows the source's.
Status Topics::make_progress(const Topic& topic) {
  const auto known = in_target_.find(topic.progress);
  if (known == in_target_.end())
    return create({topic.progress, topic.source_partitions, replication_for(3), {{"cleanup.policy", "compact"}}});
  if (known->second >= topic.source_partitions) return {};
  const Status added = target_.add_partitions(topic.progress, topic.source_partitions, Admin::Do::kIt);
  if (!added && added.error().code != Code::kInvalid) return added;
  known->second = topic.source_partitions;
  return {};
}

Status Topics::make_target(Topic& topic, const cluster::LivingTopic& from, const cluster::LivingTopic* to) {
  topic.source_partitions = static_cast<uint32_t>(from.partitions.size());
  topic.target_partitions = topic.rule.partitions == 0 ? topic.source_partitions : topic.rule.partitions;
  if (to == nullptr) {
    FRESHET_ASSIGN(const auto configs, source_.configs({{Resource::Kind::kTopic, topic.name}}));
    const auto wanted = from.partitions.empty() ? 1 : static_cast<uint32_t>(from.partitions.front().replicas.size());
    FRESHET_TRY(
        create({topic.to, topic.target_partitions, replication_for(wanted), mirrored_configs(configs.at(0).configs)}));
    topic.record_bytes_max =
        cluster::record_limit(cluster::value_of(configs.at(0).configs, "max.message.bytes").value_or(""));
    return make_progress(topic);  // Not every broker knows the new topic yet.
  } else if (const auto has = static_cast<uint32_t>(to->partitions.size()); has < topic.target_partitions) {
    const Status added = target_.add_partitions(topic.to, topic.target_partitions, Admin::Do::kIt);
    if (!added && added.error().code != Code::kInvalid) return added;
    spdlog::info("mirror {}: topic {} has {} partitions now, where it had {}", config_.name, topic.to,
                 topic.target_partitions, has);
  }
  FRESHET_TRY(make_progress(topic));
  return sync_configs(topic);
}

// Only what is set on the source's topic itself and differs: what somebody has set on the target's alone stays.
Status Topics::sync_configs(Topic& topic) {
  FRESHET_ASSIGN(const auto from, source_.configs({{Resource::Kind::kTopic, topic.name}}));
  FRESHET_ASSIGN(const auto to, target_.configs({{Resource::Kind::kTopic, topic.to}}));
  std::vector<cluster::ConfigChange> changes;
  for (cluster::ConfigChange& wanted : mirrored_configs(from.at(0).configs))
    if (cluster::value_of(to.at(0).configs, wanted.name) != wanted.value) changes.push_back(std::move(wanted));
  std::string limit = cluster::value_of(to.at(0).configs, "max.message.bytes").value_or("");
  if (!changes.empty()) {
    FRESHET_TRY(target_.change_configs({Resource::Kind::kTopic, topic.to}, changes, Admin::Do::kIt));
    for (const auto& change : changes) {
      spdlog::info("mirror {}: topic {}: {}={}, as in the source", config_.name, topic.to, change.name, *change.value);
      if (change.name == "max.message.bytes") limit = *change.value;
    }
  }
  topic.record_bytes_max = cluster::record_limit(limit);
  return {};
}

Status Topics::refresh() {
  FRESHET_ASSIGN(const cluster::ClusterView from, source_.describe());
  FRESHET_ASSIGN(const cluster::ClusterView to, target_.describe());
  target_brokers_ = std::max<uint32_t>(static_cast<uint32_t>(to.brokers.size()), 1);
  in_target_.clear();
  for (const auto& topic : to.topics) in_target_[topic.name] = static_cast<uint32_t>(topic.partitions.size());
  FRESHET_TRY(make_own());
  for (const cluster::LivingTopic& living : from.topics) {
    const auto chosen = choose(config_, living.name);
    if (!chosen || living.partitions.empty()) continue;
    auto& topic = topics_[living.name];
    if (topic == nullptr) {
      topic = std::make_unique<Topic>();
      topic->name = living.name;
      topic->to = chosen->to;
      topic->progress = progress_topic(config_, living.name);
      topic->rule = *chosen->rule;
      topic->transform = Transform(topic->rule);
    }
    const Status made = make_target(*topic, living, cluster::topic_named(to, topic->to));
    if (!made && topic->refused.empty())
      spdlog::error("mirror {}: topic {} is not mirrored: {}", config_.name, living.name, made.error().message);
    // One that is mirrored already goes on with what is known of it.
    if (made || topic->record_bytes_max == 0) topic->refused = made ? "" : made.error().message;
  }
  return {};
}

}  // namespace freshet::mirror
