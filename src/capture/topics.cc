#include "capture/topics.h"

#include <algorithm>

#include "base/assert.h"
#include "cluster/stream/target.h"

namespace freshet::capture {

const Topic* Topics::find(const std::string& name) const {
  const auto found = known_.find(name);
  return found == known_.end() ? nullptr : &found->second;
}

const Topic& Topics::at(const std::string& name) const {
  const Topic* const known = find(name);
  FRESHET_ASSERT(known != nullptr);
  return *known;
}

size_t Topics::batch_bytes_max() const {
  size_t least = cluster::kRecordBytesDefault;
  for (const auto& [name, topic] : known_) least = std::min(least, topic.record_bytes_max);
  return least;
}

std::string Topics::called() const { return "capture " + config_.name; }

// Both have one partition: positions and letters are read in their order.
Status Topics::make_own() {
  FRESHET_ASSIGN(const auto view, admin_.describe());
  const uint32_t replicas = cluster::replicas_of(config_.replication, cluster::kReplicasWanted, view.brokers.size());
  // Small segments, so that a start has little to read before the last position.
  if (cluster::topic_named(view, position_topic(config_)) == nullptr)
    FRESHET_TRY(cluster::create_if_missing(
        admin_, {position_topic(config_), 1, replicas, {{"cleanup.policy", "compact"}, {"segment.bytes", "4194304"}}},
        called()));
  return cluster::make_letters(admin_, view, letters_topic(config_), replicas, called());
}

// Its limit is asked for once. If the topic takes less one day, the brokers refuse a record, and it is asked again.
Result<bool> Topics::look(const std::string& name) {
  if (known_.contains(name)) return true;
  FRESHET_ASSIGN(const auto view, admin_.describe());
  const cluster::LivingTopic* const topic = cluster::topic_named(view, name);
  if (topic == nullptr || topic->partitions.empty()) return false;
  FRESHET_ASSIGN(const auto configs, admin_.configs({{cluster::Resource::Kind::kTopic, name}}));
  known_[name] = {static_cast<uint32_t>(topic->partitions.size()), cluster::record_limit(configs.at(0).configs)};
  return true;
}

Status Topics::make(const std::string& name) {
  FRESHET_ASSIGN(const bool there, look(name));
  if (there) return {};
  FRESHET_ASSIGN(const auto view, admin_.describe());
  const uint32_t replicas = cluster::replicas_of(config_.replication, cluster::kReplicasWanted, view.brokers.size());
  FRESHET_TRY(cluster::create_if_missing(admin_, {name, config_.partitions, replicas, {{"cleanup.policy", "compact"}}},
                                         called()));
  FRESHET_ASSIGN(const bool made, look(name));
  if (!made) return cluster::not_known_yet(name);
  return {};
}

}  // namespace freshet::capture
