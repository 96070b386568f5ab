// A Kafka cluster in memory, as fleet commands see it: it does what a broker does to topics and settings, and refuses
// what a broker refuses.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "cluster/admin/admin.h"
#include "fleet/live/now.h"

namespace freshet::fleet {

class ModelAdmin final : public cluster::Admin {
 public:
  ModelAdmin(ClusterNow start, env::Clock& clock) : now(std::move(start)), clock_(clock) {}

  ClusterNow now;                // what lives; settings that no topic has are the brokers' below
  bool may_change = true;        // false: as with credentials that may only look
  int changes_left = 1'000'000;  // then it is away
  std::vector<std::string> log;  // of what was changed
  // What brokers have for topics that do not say it themselves.
  std::map<std::string, std::string> defaults = {{"cleanup.policy", "delete"},    {"max.message.bytes", "1048588"},
                                                 {"min.insync.replicas", "1"},    {"retention.bytes", "-1"},
                                                 {"retention.ms", "604800000"},   {"segment.bytes", "1073741824"},
                                                 {"compression.type", "producer"}};

  Result<cluster::ClusterView> describe() override {
    cluster::ClusterView out;
    out.id = now.id;
    out.brokers = now.brokers;
    for (const auto& [name, topic] : now.topics) {
      cluster::LivingTopic& made = out.topics.emplace_back();
      made.name = name;
      for (uint32_t p = 0; p < topic.partitions; ++p) {
        const uint32_t replicas = p == 0 ? topic.replication_min : topic.replication_max;
        made.partitions.push_back({static_cast<int32_t>(p), 0, std::vector<int32_t>(replicas, 0), {0}});
      }
    }
    return out;
  }

  Result<std::vector<cluster::ConfigsOf>> configs(const std::vector<cluster::Resource>& of) override {
    std::vector<cluster::ConfigsOf> out;
    for (const cluster::Resource& one : of) {
      cluster::ConfigsOf& configs = out.emplace_back(cluster::ConfigsOf{one, {}});
      std::map<std::string, cluster::Config> all;
      for (const auto& [name, value] : defaults)
        all[name] = {name, value, cluster::ConfigSource::kDefault, false, false};
      for (const auto& [name, setting] : now.topics[one.name].settings) {
        if (setting.own) all[name] = {name, setting.value, cluster::ConfigSource::kTopic, false, false};
      }
      for (const auto& [name, config] : all) configs.configs.push_back(config);
    }
    return out;
  }

  Result<std::vector<cluster::OffsetAnswer>> offsets(const std::vector<cluster::PartitionRef>& of,
                                                     cluster::OffsetAt) override {
    std::vector<cluster::OffsetAnswer> out;
    for (const cluster::PartitionRef& one : of) {
      cluster::OffsetAnswer& answer = out.emplace_back(cluster::OffsetAnswer{one, {}, {}, ""});
      const auto& oldest = now.topics[one.topic].oldest_ms;
      if (!oldest) continue;
      answer.offset = 0;
      answer.time_ms = clock_.now_us() / 1000 - *oldest;
    }
    return out;
  }

  Result<cluster::Groups> groups() override { return cluster::Groups{}; }
  Result<std::vector<cluster::Member>> members(const std::string&) override { return std::vector<cluster::Member>(); }
  Result<std::vector<cluster::CommittedOffset>> committed(const std::string&,
                                                          const std::vector<cluster::PartitionRef>&) override {
    return std::vector<cluster::CommittedOffset>();
  }

  Status create_topic(const cluster::NewTopic& topic, Do what) override {
    if (topic.replication > now.brokers.size()) return fail(Code::kInvalid, "creating topic: too many replicas");
    FRESHET_TRY(may("create " + topic.name, what));
    if (what == Do::kCheck) return {};
    if (now.topics.contains(topic.name)) return fail(Code::kConflict, "creating topic " + topic.name + ": is there");
    now.topics[topic.name] = {topic.partitions, topic.replication, topic.replication, {}, {}};
    return set(topic.name, topic.configs);
  }
  Status add_partitions(const std::string& topic, uint32_t total, Do what) override {
    if (total <= now.topics[topic].partitions) return fail(Code::kInvalid, topic + ": fewer partitions");
    FRESHET_TRY(may("grow " + topic, what));
    if (what == Do::kIt) now.topics[topic].partitions = total;
    return {};
  }
  Status change_configs(const cluster::Resource& of, const std::vector<cluster::ConfigChange>& changes,
                        Do what) override {
    FRESHET_TRY(may("set " + of.name, what));
    return what == Do::kIt ? set(of.name, changes) : Status{};
  }

 private:
  Status may(const std::string& change, Do what) {
    if (!may_change) return fail(Code::kInvalid, change + ": not authorized");
    if (what == Do::kCheck) return {};
    if (changes_left == 0) return fail(Code::kRetry, "the broker is away");
    --changes_left;
    log.push_back(change);
    return {};
  }
  Status set(const std::string& topic, const std::vector<cluster::ConfigChange>& changes) {
    for (const cluster::ConfigChange& change : changes) {
      if (change.value) {
        now.topics[topic].settings[change.name] = {*change.value, true};
      } else {
        now.topics[topic].settings.erase(change.name);
      }
    }
    return {};
  }

  env::Clock& clock_;
};

}  // namespace freshet::fleet
