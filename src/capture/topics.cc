#include "capture/topics.h"

#include <algorithm>

#include "cluster/stream/target.h"
#include "telemetry/log.h"

namespace freshet::capture {
namespace {

constexpr size_t kLetterBytesMost = 100u << 20;

}  // namespace

const Topic* Topics::find(const std::string& name) const {
  const auto found = known_.find(name);
  return found == known_.end() ? nullptr : &found->second;
}

size_t Topics::batch_bytes_max() const {
  size_t least = cluster::kRecordBytesDefault;
  for (const auto& [name, topic] : known_) least = std::min(least, topic.record_bytes_max);
  return least;
}

// Somebody else may have been first.
Status Topics::create(cluster::NewTopic topic, uint32_t brokers) {
  topic.replication = std::clamp(config_.replication > 0 ? config_.replication : 3u, 1u, std::max(brokers, 1u));
  const Status made = admin_.create_topic(topic, cluster::Admin::Do::kIt);
  if (!made && made.error().code != Code::kConflict) return made;
  if (made) spdlog::info("capture {}: made topic {} with {} partitions", config_.name, topic.name, topic.partitions);
  return {};
}

// Both have one partition: positions and letters are read in their order.
Status Topics::make_own() {
  FRESHET_ASSIGN(const auto view, admin_.describe());
  const auto brokers = static_cast<uint32_t>(view.brokers.size());
  // Small segments, so that a start has little to read before the last position.
  if (cluster::topic_named(view, position_topic(config_)) == nullptr)
    FRESHET_TRY(create({position_topic(config_), 1, 1, {{"cleanup.policy", "compact"}, {"segment.bytes", "4194304"}}},
                       brokers));
  if (cluster::topic_named(view, letters_topic(config_)) == nullptr)
    FRESHET_TRY(
        create({letters_topic(config_), 1, 1, {{"max.message.bytes", std::to_string(kLetterBytesMost)}}}, brokers));
  return {};
}

// Its limit is asked for once. If the topic takes less one day, the brokers refuse a record, and it is asked again.
Result<bool> Topics::look(const std::string& name) {
  if (known_.contains(name)) return true;
  FRESHET_ASSIGN(const auto view, admin_.describe());
  const cluster::LivingTopic* const topic = cluster::topic_named(view, name);
  if (topic == nullptr || topic->partitions.empty()) return false;
  FRESHET_ASSIGN(const auto configs, admin_.configs({{cluster::Resource::Kind::kTopic, name}}));
  known_[name] = {static_cast<uint32_t>(topic->partitions.size()),
                  cluster::record_limit(cluster::value_of(configs.at(0).configs, "max.message.bytes").value_or(""))};
  return true;
}

Status Topics::make(const std::string& name) {
  FRESHET_ASSIGN(const bool there, look(name));
  if (there) return {};
  FRESHET_ASSIGN(const auto view, admin_.describe());
  FRESHET_TRY(create({name, config_.partitions, 1, {{"cleanup.policy", "compact"}}},
                     static_cast<uint32_t>(view.brokers.size())));
  FRESHET_ASSIGN(const bool made, look(name));
  if (!made) return fail(Code::kRetry, "topic " + name + " was made, and not every broker knows it yet");
  return {};
}

}  // namespace freshet::capture
