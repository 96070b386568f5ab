// Settings and sizes that Kafka itself refuses: when a topic is made, or when a message comes.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "fleet/kafka_version.h"
#include "fleet/lint/rules.h"
#include "fleet/lint/setting_value.h"
#include "fleet/rates.h"
#include "fleet/text.h"
#include "fleet/topic_settings.h"
#include "yaml/reader.h"
#include "yaml/units.h"

namespace freshet::fleet::checks {
namespace {

using yaml::size_text;

// TopicConfig of Kafka 3.3 to 4.3; those that have keys of their own here are refused before.
constexpr std::array<KafkaSetting, 29> kTopicSettings = {{
    {.name = "compression.gzip.level", .least = -1, .most = 9, .since = {3, 8}},
    {.name = "compression.lz4.level", .least = 1, .most = 17, .since = {3, 8}},
    {.name = "compression.type", .takes = Takes::kWord, .words = "uncompressed zstd lz4 snappy gzip producer"},
    {.name = "compression.zstd.level", .least = -131072, .most = 22, .since = {3, 8}},
    {.name = "delete.retention.ms"},
    {.name = "errors.deadletterqueue.group.enable", .takes = Takes::kTruth, .since = {4, 4}},
    {.name = "file.delete.delay.ms"},
    {.name = "flush.messages", .least = 1},
    {.name = "flush.ms"},
    {.name = "index.interval.bytes", .most = INT32_MAX},
    {.name = "internal.segment.bytes", .most = INT32_MAX, .since = {4, 1}},
    {.name = "local.retention.bytes", .least = -2},
    {.name = "max.compaction.lag.ms", .least = 1},
    {.name = "message.downconversion.enable", .takes = Takes::kTruth, .gone = {4, 0}},
    {.name = "message.format.version", .takes = Takes::kAnything, .gone = {4, 0}},
    {.name = "message.timestamp.after.max.ms", .since = {3, 6}},
    {.name = "message.timestamp.before.max.ms", .since = {3, 6}},
    {.name = "message.timestamp.difference.max.ms", .gone = {4, 0}},
    {.name = "message.timestamp.type", .takes = Takes::kWord, .words = "CreateTime LogAppendTime"},
    {.name = "min.cleanable.dirty.ratio", .takes = Takes::kFraction, .most = 1},
    {.name = "min.compaction.lag.ms"},
    {.name = "preallocate", .takes = Takes::kTruth},
    {.name = "remote.log.copy.disable", .takes = Takes::kTruth, .since = {3, 9}},
    {.name = "remote.log.delete.on.disable", .takes = Takes::kTruth, .since = {3, 9}},
    {.name = "segment.bytes", .least = 14, .most = INT32_MAX},
    {.name = "segment.index.bytes", .least = 4, .most = INT32_MAX},
    {.name = "segment.jitter.ms"},
    {.name = "segment.ms", .least = 1},
    {.name = "unclean.leader.election.enable", .takes = Takes::kTruth},
}};

// KIP-1030; before, a segment had 14 bytes at least.
constexpr int64_t kSegmentBytesMin = 1 << 20;

// Why Kafka refuses the setting, or "".
std::string setting_fault(const Cluster& cluster, const std::string& name, const std::string& value) {
  if (name.starts_with("confluent.")) return "";  // of a distribution that has more of them
  const KafkaSetting* setting = find_topic_setting(name);
  if (setting == nullptr) {
    std::vector<std::string> known;
    for (const KafkaSetting& each : kTopicSettings) known.emplace_back(each.name);
    return fmt::format("topics have no setting {}{}", name, yaml::did_you_mean(name, known));
  }
  const Version version = parse_version(cluster.kafka_version);
  if (version < setting->since)
    return fmt::format("Kafka {} has no setting {} of topics: it came with {}.{}", cluster.kafka_version, name,
                       setting->since.first, setting->since.second);
  if (version >= setting->gone)
    return fmt::format("Kafka {} has no setting {} of topics any more: it went with {}.{}", cluster.kafka_version, name,
                       setting->gone.first, setting->gone.second);
  const bool small = name == "segment.bytes" && number_or(value, kSegmentBytesMin) < kSegmentBytesMin;
  if (small && version.first >= 4)
    return fmt::format("segment.bytes: {}, and Kafka {} takes {} or more", value, cluster.kafka_version,
                       kSegmentBytesMin);
  if (const std::string right = right_value(*setting, value); !right.empty())
    return fmt::format("{}: {}, and Kafka takes {}", name, value, right);
  return "";
}

// What the file says of a topic's setting, or what Kafka has for it where it says nothing.
int64_t setting_or(const Topic& topic, std::string_view name, int64_t otherwise) {
  const std::string* const said = said_setting(topic.settings, name);
  return said == nullptr ? otherwise : number_or(*said, otherwise);
}

bool is_copy_disabled(const Topic& topic) {
  const std::string* const said = said_setting(topic.settings, "remote.log.copy.disable");
  return said != nullptr && truth_of(*said) == true;
}

// Kafka keeps on brokers' disks no more than it keeps at all. -2: as much; -1: without bound.
std::string local_bytes_fault(const Topic& topic) {
  constexpr int64_t kAsMuch = -2;
  const int64_t local = setting_or(topic, "local.retention.bytes", kAsMuch);
  const auto all = static_cast<int64_t>(topic.retention_bytes);
  if (local == kAsMuch || all == 0 || (local >= 0 && local <= all)) return "";
  return fmt::format("local.retention.bytes: {}, and Kafka takes at most retention_bytes, {}", local, all);
}

// Why Kafka refuses settings that it would take one by one.
std::vector<std::string> faults_together(const Topic& topic) {
  std::vector<std::string> out;
  const int64_t least_lag = setting_or(topic, "min.compaction.lag.ms", 0);
  const int64_t most_lag = setting_or(topic, "max.compaction.lag.ms", INT64_MAX);
  if (least_lag > most_lag)
    out.push_back(fmt::format("min.compaction.lag.ms: {} is more than max.compaction.lag.ms: {}", least_lag, most_lag));
  if (topic.local_retention_us == 0) return out;
  if (std::string fault = local_bytes_fault(topic); !fault.empty()) out.push_back(std::move(fault));
  // KIP-950: what is copied nowhere any more has to be kept on the brokers as long as it is kept.
  if (is_copy_disabled(topic) && topic.local_retention_us != topic.retention_us)
    out.push_back(
        fmt::format("remote.log.copy.disable with local_retention: {}, and Kafka takes it with that of "
                    "retention alone",
                    yaml::duration_text(topic.local_retention_us)));
  return out;
}

// A broker closes a connection that sends more in one request.
uint64_t request_bytes_most(const Cluster& cluster) {
  constexpr int64_t kUsual = 100 << 20;
  const std::string* const said = said_setting(cluster.settings, "socket.request.max.bytes");
  return static_cast<uint64_t>(said == nullptr ? kUsual : std::max<int64_t>(number_or(*said, kUsual), 0));
}

}  // namespace

const KafkaSetting* find_topic_setting(std::string_view name) {
  const auto* const found = std::ranges::find(kTopicSettings, name, &KafkaSetting::name);
  return found == kTopicSettings.end() ? nullptr : found;
}

Findings topic_settings(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    if (!topic.declared) continue;  // it is made with its source's settings, which has the finding
    std::vector<std::string> faults = faults_together(topic);
    for (const auto& [name, value] : topic.settings)
      faults.push_back(setting_fault(facts.fleet.cluster_of(topic), name, value));
    for (std::string& fault : faults) {
      if (!fault.empty())
        found.push_back(
            finding(facts, Kind::kTopic, i, "settings", std::move(fault), "another name or value, or take it out"));
    }
  }
  return found;
}

// What a broker looks at is the batch as it is sent: after compression.
Findings message_over_limit(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    if (!topic.declared) continue;
    const double bytes = static_cast<double>(topic.message_bytes) / compression_ratio(topic);
    if (bytes <= static_cast<double>(topic.message_bytes_max)) continue;
    const uint64_t mib = round_up(2 * bytes / (1 << 20), 1);
    std::string evidence =
        fmt::format("messages of {}, {} compressed, on average; at most {} are taken", size_text(topic.message_bytes),
                    bytes_text(bytes), size_text(topic.message_bytes_max));
    found.push_back(finding_mended(facts, Kind::kTopic, i, "message_bytes_max", std::move(evidence),
                                   size_text(std::min<uint64_t>(mib, 1 << 10) << 20), ""));
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
