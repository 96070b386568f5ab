// Settings and sizes that Kafka itself refuses: when a topic is made, or when a message comes.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "fleet/fields.h"
#include "fleet/kafka_version.h"
#include "fleet/lint/rules.h"
#include "yaml/reader.h"
#include "yaml/units.h"

namespace freshet::fleet::checks {
namespace {

using yaml::size_text;

// TopicConfig of Kafka 3.3 to 4.3; those that have keys of their own here are refused before.
constexpr std::array<std::string_view, 29> kTopicSettings = {"compression.gzip.level",
                                                             "compression.lz4.level",
                                                             "compression.type",
                                                             "compression.zstd.level",
                                                             "delete.retention.ms",
                                                             "errors.deadletterqueue.group.enable",
                                                             "file.delete.delay.ms",
                                                             "flush.messages",
                                                             "flush.ms",
                                                             "index.interval.bytes",
                                                             "internal.segment.bytes",
                                                             "local.retention.bytes",
                                                             "max.compaction.lag.ms",
                                                             "message.downconversion.enable",
                                                             "message.format.version",
                                                             "message.timestamp.after.max.ms",
                                                             "message.timestamp.before.max.ms",
                                                             "message.timestamp.difference.max.ms",
                                                             "message.timestamp.type",
                                                             "min.cleanable.dirty.ratio",
                                                             "min.compaction.lag.ms",
                                                             "preallocate",
                                                             "remote.log.copy.disable",
                                                             "remote.log.delete.on.disable",
                                                             "segment.bytes",
                                                             "segment.index.bytes",
                                                             "segment.jitter.ms",
                                                             "segment.ms",
                                                             "unclean.leader.election.enable"};

bool is_topic_setting(std::string_view name) {
  // Of distributions that have more of them.
  return name.starts_with("confluent.") || std::ranges::find(kTopicSettings, name) != kTopicSettings.end();
}

// KIP-1030; before, a segment had 14 bytes at least.
constexpr uint64_t kSegmentBytesMin = 1ull << 20;

uint64_t number_or(std::string_view text, uint64_t otherwise) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : otherwise;
}

// Why Kafka refuses the setting, or "".
std::string setting_fault(const Cluster& cluster, const std::string& name, const std::string& value) {
  if (!is_topic_setting(name)) {
    const std::vector<std::string> known(kTopicSettings.begin(), kTopicSettings.end());
    return fmt::format("topics have no setting {}{}", name, yaml::did_you_mean(name, known));
  }
  const bool small = name == "segment.bytes" && number_or(value, kSegmentBytesMin) < kSegmentBytesMin;
  if (small && parse_version(cluster.kafka_version).first >= 4)
    return fmt::format("segment.bytes: {}, and Kafka {} takes {} or more", value, cluster.kafka_version,
                       kSegmentBytesMin);
  return "";
}

// A broker closes a connection that sends more in one request.
uint64_t request_bytes_most(const Cluster& cluster) {
  constexpr uint64_t kUsual = 100ull << 20;
  for (const auto& [name, value] : cluster.settings)
    if (name == "socket.request.max.bytes") return number_or(value, kUsual);
  return kUsual;
}

}  // namespace

Findings topic_settings(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    if (!topic.declared) continue;  // it is made with its source's settings, which has the finding
    for (const auto& [name, value] : topic.settings) {
      std::string fault = setting_fault(facts.fleet.cluster_of(topic), name, value);
      if (!fault.empty())
        found.push_back(
            finding(facts, Kind::kTopic, i, "settings", std::move(fault), "another name or value, or take it out"));
    }
  }
  return found;
}

Findings message_over_request(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    const uint64_t most = request_bytes_most(facts.fleet.cluster_of(topic));
    // What a request has beside its one batch is less than this.
    constexpr uint64_t kRoom = 64 << 10;
    if (topic.message_bytes_max + kRoom <= most) continue;
    found.push_back(finding(facts, Kind::kTopic, i, "message_bytes_max",
                            fmt::format("messages up to {}, in requests of at most {}",
                                        size_text(topic.message_bytes_max), size_text(most)),
                            fmt::format("smaller messages, or settings: {{socket.request.max.bytes: {}}} of cluster {}",
                                        topic.message_bytes_max + (1 << 20), facts.fleet.cluster_of(topic).name)));
  }
  return found;
}

}  // namespace freshet::fleet::checks
