// Settings and sizes that Kafka itself refuses: when a topic is made, or when a message comes.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/nearest.h"
#include "base/number.h"
#include "base/text.h"
#include "fleet/kafka_version.h"
#include "fleet/lint/broker_setting_names.h"
#include "fleet/lint/rules.h"
#include "fleet/rates.h"
#include "fleet/text.h"
#include "fleet/topic_settings.h"
#include "yaml/reader.h"
#include "yaml/units.h"

namespace freshet::fleet::checks {
namespace {

using yaml::size_text;

using Version = std::pair<uint32_t, uint32_t>;

// What a value must be for Kafka to take it.
enum class Takes : uint8_t { kWhole, kFraction, kTruth, kWord, kAnything };

// TopicConfig of Kafka 3.3 to 4.3; those that have keys of their own here are refused before.
struct TopicSetting {
  std::string_view name;
  Takes takes = Takes::kWhole;
  int64_t least = 0;
  int64_t most = INT64_MAX;
  std::string_view words = {};  // of kWord, with a blank between two
  Version since = {0, 0};       // the first release that has it
  Version gone = {99, 0};       // the first that has it no more
};
constexpr std::array<TopicSetting, 29> kTopicSettings = {{
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
    {.name = "message.downconversion.enable", .takes = Takes::kTruth},
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

const TopicSetting* find_topic_setting(std::string_view name) {
  const auto* const found = std::ranges::find(kTopicSettings, name, &TopicSetting::name);
  return found == kTopicSettings.end() ? nullptr : found;
}

// KIP-1030; before, a segment had 14 bytes at least.
constexpr uint64_t kSegmentBytesMin = 1ull << 20;

uint64_t number_or(std::string_view text, uint64_t otherwise) { return to_number<uint64_t>(text).value_or(otherwise); }

std::vector<std::string_view> words_between(std::string_view text, char between) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(between), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

template <class Number>
bool is_between(std::string_view text, const TopicSetting& setting) {
  const auto value = to_number<Number>(text);
  return value && *value >= static_cast<Number>(setting.least) && *value <= static_cast<Number>(setting.most);
}

// What Kafka would take in its place, or "" if it takes the value.
std::string right_value(const TopicSetting& setting, const std::string& value) {
  const std::string range = setting.least == INT64_MIN  ? ""
                            : setting.most == INT64_MAX ? fmt::format(", {} or more", setting.least)
                                                        : fmt::format(" from {} to {}", setting.least, setting.most);
  switch (setting.takes) {
    case Takes::kWhole: return is_between<int64_t>(value, setting) ? "" : "a whole number" + range;
    case Takes::kFraction: return is_between<double>(value, setting) ? "" : "a number" + range;
    case Takes::kTruth: return truth_of(value) ? "" : "true or false";
    case Takes::kWord: {
      const auto words = words_between(setting.words, ' ');
      return std::ranges::find(words, value) != words.end() ? "" : "one of: " + joined(words, ", ");
    }
    case Takes::kAnything: break;
  }
  return "";
}

// Why Kafka refuses the setting, or "".
std::string setting_fault(const Cluster& cluster, const std::string& name, const std::string& value) {
  if (name.starts_with("confluent.")) return "";  // of a distribution that has more of them
  const TopicSetting* setting = find_topic_setting(name);
  if (setting == nullptr) {
    std::vector<std::string> known;
    for (const TopicSetting& each : kTopicSettings) known.emplace_back(each.name);
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

std::string_view first_word(std::string_view name) { return name.substr(0, name.find('.')); }

// Settings of brokers that 4.0 has no more.
constexpr std::array<std::string_view, 9> kGoneWith4 = {"auto.include.jmx.reporter",
                                                        "controlled.shutdown.max.retries",
                                                        "controlled.shutdown.retry.backoff.ms",
                                                        "inter.broker.protocol.version",
                                                        "leader.imbalance.per.broker.percentage",
                                                        "log.message.format.version",
                                                        "log.message.timestamp.difference.max.ms",
                                                        "offsets.commit.required.acks",
                                                        "reserved.broker.max.id"};

// Why brokers take no notice of the setting, or "". What begins with a word that Kafka has not may be a plugin's, which
// finds its settings among the brokers', unless it is a slip of the pen.
std::string broker_setting_fault(const Cluster& cluster, const std::string& name) {
  static const std::vector<std::string_view> kKnown = words_between(kBrokerSettingNames, ' ');
  const bool is_4 = parse_version(cluster.kafka_version).first >= 4;
  if (is_4 && std::ranges::find(kGoneWith4, name) != kGoneWith4.end())
    return fmt::format("Kafka {} has no setting {} of brokers any more: it went with 4.0", cluster.kafka_version, name);
  if (std::ranges::find(kKnown, name) != kKnown.end()) return "";
  const std::string hint = yaml::did_you_mean(name, kKnown);
  if (find_topic_setting(name) != nullptr || !why_not_a_setting(name).empty())
    return fmt::format("{} is a setting of topics, not of brokers{}", name,
                       hint.empty() ? ", where most have log. before their names" : hint);
  constexpr std::array<std::string_view, 5> kOfPlugins = {"client", "kafka", "metric", "metrics", "remote"};
  const std::string_view word = first_word(name);
  const bool is_ours = std::ranges::find(kKnown, word, first_word) != kKnown.end() &&
                       std::ranges::find(kOfPlugins, word) == kOfPlugins.end();
  constexpr size_t kSlip = 2;  // edits
  const std::string_view near = nearest(name, kKnown);
  const bool is_slip = !near.empty() && edit_distance(name, near) <= kSlip;
  return is_ours || is_slip ? fmt::format("brokers have no setting {}{}", name, hint) : "";
}

// What a broker's setting is by its name, as Kafka names them.
Takes taken_by_name(std::string_view name) {
  constexpr std::array<std::string_view, 8> kWhole = {".ms",      ".bytes",    ".threads",    ".hours",
                                                      ".minutes", ".fetchers", ".partitions", ".replication.factor"};
  const auto ends = [name](std::string_view end) { return name.ends_with(end); };
  if (name.ends_with(".enable")) return Takes::kTruth;
  return std::ranges::any_of(kWhole, ends) ? Takes::kWhole : Takes::kAnything;
}

// Why a broker does not start with the value, or "".
std::string broker_value_fault(const std::string& name, const std::string& value) {
  static const std::vector<std::string_view> kKnown = words_between(kBrokerSettingNames, ' ');
  if (std::ranges::find(kKnown, name) == kKnown.end()) return "";
  const TopicSetting* const topic = name == "compression.type" ? find_topic_setting(name) : nullptr;
  const TopicSetting by_name = {.name = name, .takes = taken_by_name(name), .least = INT64_MIN};
  const std::string right = right_value(topic != nullptr ? *topic : by_name, value);
  return right.empty() ? "" : fmt::format("{}: {}, and Kafka takes {}", name, value, right);
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

Findings broker_settings(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    for (const auto& [name, value] : facts.fleet.clusters[i].settings) {
      std::string fault = broker_setting_fault(facts.fleet.clusters[i], name);
      if (!fault.empty())
        found.push_back(
            finding(facts, Kind::kCluster, i, "settings", std::move(fault), "another name, or take it out"));
    }
  }
  return found;
}

Findings broker_values(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    for (const auto& [name, value] : facts.fleet.clusters[i].settings) {
      std::string fault = broker_value_fault(name, value);
      if (!fault.empty())
        found.push_back(
            finding(facts, Kind::kCluster, i, "settings", std::move(fault), "another value, or take it out"));
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
