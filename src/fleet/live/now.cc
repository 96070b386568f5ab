#include "fleet/live/now.h"

#include <algorithm>

#include "base/assert.h"
#include "base/saturated.h"
#include "fleet/topic_settings.h"

namespace freshet::fleet {

const SettingNow* TopicNow::find(const std::string& setting) const {
  const auto found = settings.find(setting);
  return found == settings.end() ? nullptr : &found->second;
}

bool is_internal(std::string_view topic) { return topic.starts_with("__"); }

Result<ClusterNow> look(cluster::Admin& admin) {
  FRESHET_ASSIGN(cluster::ClusterView view, admin.describe());
  ClusterNow out;
  out.id = std::move(view.id);
  out.brokers = std::move(view.brokers);
  std::vector<cluster::Resource> resources;
  for (const cluster::LivingTopic& topic : view.topics) {
    if (is_internal(topic.name)) continue;
    TopicNow& now = out.topics[topic.name];
    now.partitions = static_cast<uint32_t>(topic.partitions.size());
    const auto [least, most] = std::ranges::minmax_element(
        topic.partitions, {}, [](const cluster::Partition& partition) { return partition.replicas.size(); });
    if (least != topic.partitions.end()) {
      now.replication_min = static_cast<uint32_t>(least->replicas.size());
      now.replication_max = static_cast<uint32_t>(most->replicas.size());
    }
    resources.push_back({cluster::Resource::Kind::kTopic, topic.name});
  }
  FRESHET_ASSIGN(const auto configs, admin.configs(resources));
  for (const cluster::ConfigsOf& one : configs) {
    TopicNow& now = out.topics[one.of.name];
    for (const cluster::Config& config : one.configs) {
      if (config.value) now.settings[config.name] = {*config.value, config.source == cluster::ConfigSource::kTopic};
    }
  }
  return out;
}

Status add_ages(cluster::Admin& admin, const std::set<std::string>& topics, env::Clock& clock, ClusterNow& now) {
  std::vector<cluster::PartitionRef> of;
  for (const std::string& name : topics) {
    for (uint32_t p = 0; p < now.topics[name].partitions; ++p) of.push_back({name, static_cast<int32_t>(p)});
  }
  // The first record of any time is the oldest that is kept.
  FRESHET_ASSIGN(const auto answers, admin.offsets(of, {cluster::OffsetAt::Kind::kTime, 0}));
  const int64_t now_ms = clock.now_us() / 1000;
  for (const cluster::OffsetAnswer& answer : answers) {
    if (!answer.error.empty())
      return fail(Code::kRetry,
                  "topic " + answer.of.topic + ": how old its oldest record is, is not known: " + answer.error);
    if (!answer.time_ms) continue;
    auto& oldest = now.topics[answer.of.topic].oldest_ms;
    oldest = std::max(oldest.value_or(0), std::max<int64_t>(saturated_difference(now_ms, *answer.time_ms), 0));
  }
  return {};
}

ClusterWanted wanted_of(const Topology& fleet, Index index) {
  FRESHET_ASSERT(index < fleet.clusters.size());
  const Cluster& cluster = fleet.clusters[index];
  ClusterWanted out{cluster.name, cluster.connect.cluster_id, cluster.brokers, cluster.zones, {}, cluster.watch.probe};
  for (const Topic& topic : fleet.topics) {
    if (topic.cluster == index)
      out.topics.push_back({topic.name, topic.partitions, topic.replication, settings_of(topic)});
  }
  std::ranges::sort(out.topics, {}, &TopicWanted::name);
  return out;
}

}  // namespace freshet::fleet
