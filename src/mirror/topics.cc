#include "mirror/topics.h"

#include <fmt/core.h>

#include <algorithm>

#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::mirror {
namespace {

using cluster::Admin;
using cluster::Resource;

constexpr env::TimeUs kAwayFirstUs = 1'000'000;
constexpr env::TimeUs kAwayMostUs = 60'000'000;
constexpr const char* kPolicy = "cleanup.policy";
constexpr const char* kTimestampType = "message.timestamp.type";
constexpr const char* kTimestampOfRecord = "CreateTime";

telemetry::Counter& made_counter() {
  static telemetry::Counter& made =
      telemetry::counter("freshet_mirror_topics_made_total", "Topics that were made in the target.");
  return made;
}

// The brokers may not tell of it yet.
void note_change(std::vector<cluster::Config>& configs, const cluster::ConfigChange& change) {
  std::erase_if(configs, [&](const cluster::Config& config) { return config.name == change.name; });
  configs.push_back({change.name, change.value, cluster::ConfigSource::kTopic, false, false});
}

}  // namespace

bool is_compacted(const std::vector<cluster::Config>& configs) {
  return cluster::value_of(configs, kPolicy).value_or("").find("compact") != std::string::npos;
}

bool sets_timestamps(const std::vector<cluster::Config>& configs) {
  return cluster::value_of(configs, kTimestampType) == "LogAppendTime";
}

// A record that was young enough for the source's topic may be too old for the same limit when it is mirrored.
std::vector<cluster::ConfigChange> mirrored_configs(const std::vector<cluster::Config>& configs) {
  std::vector<cluster::ConfigChange> out;
  for (const cluster::Config& config : configs) {
    if (config.source != cluster::ConfigSource::kTopic || !config.value || config.sensitive) continue;
    if (config.name.find("throttled") != std::string::npos || config.name == "min.insync.replicas") continue;
    if (config.name.starts_with("remote.") || config.name == "unclean.leader.election.enable") continue;
    if (config.name == "message.timestamp.before.max.ms" || config.name == "message.timestamp.difference.max.ms")
      continue;
    out.push_back({config.name, config.name == kTimestampType ? kTimestampOfRecord : config.value});
  }
  return out;
}

std::vector<cluster::ConfigChange> first_configs(const std::vector<cluster::Config>& source) {
  std::vector<cluster::ConfigChange> out = mirrored_configs(source);
  const auto has = [&](const char* name) {
    return std::any_of(out.begin(), out.end(), [&](const auto& one) { return one.name == name; });
  };
  if (!has(kPolicy)) out.push_back({kPolicy, cluster::value_of(source, kPolicy).value_or("delete")});
  if (!has(kTimestampType)) out.push_back({kTimestampType, kTimestampOfRecord});
  return out;
}

std::string misfit_of(const std::string& to, const std::vector<cluster::Config>& source,
                      const std::vector<cluster::Config>& target) {
  if (is_compacted(source) != is_compacted(target)) {
    const std::string wanted = cluster::value_of(source, kPolicy).value_or("delete");
    return fmt::format(
        "topic {} of the target has cleanup.policy={}, and the source's topic {}: {}; set it to {}, or "
        "have it mirrored into another topic (`to`)",
        to, cluster::value_of(target, kPolicy).value_or("delete"), wanted,
        is_compacted(target) ? "compaction would remove records of keys that come again"
                             : "records of keys that do not come again would be deleted",
        wanted);
  }
  if (sets_timestamps(target))
    return fmt::format(
        "topic {} of the target has {}=LogAppendTime, by which its brokers replace the timestamps of "
        "records: set it to {}, or have it mirrored into another topic (`to`)",
        to, kTimestampType, kTimestampOfRecord);
  return "";
}

Topics::Topics(const Config& config, cluster::Admin& source, cluster::Admin& target)
    : config_(config), source_(source), target_(target) {}

Topic* Topics::find(const std::string& name) {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second.get();
}

// While it is tried, whatever is in the same transaction waits, too.
bool Topics::hold(const cluster::Refusal& refusal, env::TimeUs now) {
  bool held = false;
  for (auto& [name, topic] : topics_) {
    if (topic->to != refusal.topic) continue;
    held = true;
    topic->pause_us = std::clamp(2 * topic->pause_us, kAwayFirstUs, kAwayMostUs);
    topic->again_us = now + topic->pause_us;
    log::warn("mirror {}: topic {} waits, and the others go on: {}", config_.name, name, refusal.why);
  }
  return held;
}

bool Topics::any_away() const {
  return std::any_of(topics_.begin(), topics_.end(), [](const auto& one) { return !one.second->away.empty(); });
}

size_t Topics::batch_bytes_max() const {
  size_t least = cluster::kRecordBytesDefault;
  for (const auto& [name, topic] : topics_)
    if (topic->record_bytes_max > 0) least = std::min(least, topic->record_bytes_max);
  return least;
}

uint32_t Topics::replication_for(uint32_t wanted) const {
  return cluster::replicas_of(config_.replication, wanted, target_brokers_);
}

Status Topics::create(cluster::NewTopic topic) {
  FRESHET_ASSIGN(const bool made, cluster::create_if_missing(target_, topic, "mirror " + config_.name));
  made_counter().add(made ? 1 : 0);
  in_target_[topic.name] = std::max(in_target_[topic.name], topic.partitions);
  return {};
}

Status Topics::make_own(const cluster::ClusterView& target) {
  if (!has_letters_)
    FRESHET_TRY(
        cluster::make_letters(target_, target, letters_topic(config_), replication_for(), "mirror " + config_.name));
  has_letters_ = true;
  if (!in_target_.contains(heartbeat_topic(config_)))
    FRESHET_TRY(create({heartbeat_topic(config_), 1, replication_for(), {{"cleanup.policy", "compact"}}}));
  return {};
}

// Its partitions are what the group shares out, so it follows the source's.
Status Topics::make_progress(const Topic& topic) {
  const auto known = in_target_.find(topic.progress);
  if (known == in_target_.end())
    return create({topic.progress, topic.source_partitions, replication_for(), {{"cleanup.policy", "compact"}}});
  if (known->second >= topic.source_partitions) return {};
  const Status added = target_.add_partitions(topic.progress, topic.source_partitions, Admin::Do::kIt);
  if (!added && added.error().code != Code::kInvalid) return added;
  known->second = topic.source_partitions;
  return {};
}

Status Topics::make_new(Topic& topic, const cluster::LivingTopic& from) {
  FRESHET_ASSIGN(const auto configs, source_.configs({{Resource::Kind::kTopic, topic.name}}));
  const auto wanted = from.partitions.empty() ? 1 : static_cast<uint32_t>(from.partitions.front().replicas.size());
  FRESHET_TRY(
      create({topic.to, topic.target_partitions, replication_for(wanted), first_configs(configs.at(0).configs)}));
  topic.record_bytes_max = cluster::record_limit(configs.at(0).configs);
  topic.misfit.clear();
  return make_progress(topic);  // Not every broker knows the new topic yet.
}

// What is written to a partition without a leader holds its transaction up until it fails, and with it what others have
// in it.
void Topics::see_leaders(Topic& topic, const cluster::LivingTopic& to) {
  std::string away;
  for (const auto& partition : to.partitions)
    if (partition.leader < 0) away = fmt::format("partition {} of {} has no leader", partition.id, topic.to);
  if (!away.empty() && topic.away.empty()) log::error("mirror {}: topic {} waits: {}", config_.name, topic.name, away);
  if (away.empty() && !topic.away.empty()) log::info("mirror {}: topic {} goes on", config_.name, topic.name);
  topic.away = std::move(away);
}

Status Topics::make_target(Topic& topic, const cluster::LivingTopic& from, const cluster::LivingTopic* to) {
  topic.source_partitions = static_cast<uint32_t>(from.partitions.size());
  topic.target_partitions = topic.rule.partitions == 0 ? topic.source_partitions : topic.rule.partitions;
  if (to == nullptr) return make_new(topic, from);
  see_leaders(topic, *to);
  if (const auto has = static_cast<uint32_t>(to->partitions.size()); has < topic.target_partitions) {
    const Status added = target_.add_partitions(topic.to, topic.target_partitions, Admin::Do::kIt);
    if (!added && added.error().code != Code::kInvalid) return added;
    log::info("mirror {}: topic {} has {} partitions now, where it had {}", config_.name, topic.to,
              topic.target_partitions, has);
  }
  FRESHET_TRY(make_progress(topic));
  return sync_configs(topic);
}

// Only what is set on the source's topic itself and differs: what somebody has set on the target's alone stays, and is
// a misfit if the two can't go together.
Status Topics::sync_configs(Topic& topic) {
  FRESHET_ASSIGN(const auto from, source_.configs({{Resource::Kind::kTopic, topic.name}}));
  FRESHET_ASSIGN(auto to, target_.configs({{Resource::Kind::kTopic, topic.to}}));
  std::vector<cluster::ConfigChange> changes;
  for (cluster::ConfigChange& wanted : mirrored_configs(from.at(0).configs))
    if (cluster::value_of(to.at(0).configs, wanted.name) != wanted.value) changes.push_back(std::move(wanted));
  if (!changes.empty()) {
    FRESHET_TRY(target_.change_configs({Resource::Kind::kTopic, topic.to}, changes, Admin::Do::kIt));
    for (const auto& change : changes) {
      log::info("mirror {}: topic {}: {}={}, as mirrored topics have it", config_.name, topic.to, change.name,
                *change.value);
      note_change(to.at(0).configs, change);
    }
  }
  topic.misfit = misfit_of(topic.to, from.at(0).configs, to.at(0).configs);
  topic.record_bytes_max = cluster::record_limit(to.at(0).configs);
  return {};
}

// One that is mirrored already goes on with what is known of it while it can't be looked at; one whose target would
// lose records stops.
void Topics::judge(Topic& topic, const Status& made) {
  std::string why = topic.refused;
  if (made) {
    why = topic.misfit;
  } else if (topic.record_bytes_max == 0) {
    why = made.error().message;
  } else {
    log::warn("mirror {}: topic {}: {}; going on with what is known of it", config_.name, topic.name,
              made.error().message);
  }
  if (!why.empty() && why != topic.refused)
    log::error("mirror {}: topic {} is not mirrored: {}", config_.name, topic.name, why);
  if (why.empty() && !topic.refused.empty())
    log::info("mirror {}: topic {} is mirrored from now on", config_.name, topic.name);
  topic.refused = std::move(why);
}

Status Topics::refresh() {
  FRESHET_ASSIGN(const cluster::ClusterView from, source_.describe());
  FRESHET_ASSIGN(const cluster::ClusterView to, target_.describe());
  target_brokers_ = to.brokers.size();
  in_target_.clear();
  for (const auto& topic : to.topics) in_target_[topic.name] = static_cast<uint32_t>(topic.partitions.size());
  FRESHET_TRY(make_own(to));
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
    judge(*topic, make_target(*topic, living, cluster::topic_named(to, topic->to)));
  }
  return {};
}

}  // namespace freshet::mirror
