// Settings of brokers: names that they do not have, values that they do not start with, and replicas of topics that
// Kafka makes for itself.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>

#include "base/nearest.h"
#include "fleet/broker_settings.h"
#include "fleet/kafka_version.h"
#include "fleet/lint/broker_setting_names.h"
#include "fleet/lint/rules.h"
#include "fleet/lint/setting_value.h"
#include "fleet/text.h"
#include "fleet/topic_settings.h"
#include "yaml/reader.h"

namespace freshet::fleet::checks {
namespace {

const std::vector<std::string_view>& known_names() {
  static const std::vector<std::string_view> kKnown = words_between(kBrokerSettingNames, ' ');
  return kKnown;
}

bool is_known_name(std::string_view name) { return std::ranges::find(known_names(), name) != known_names().end(); }

std::string_view first_word(std::string_view name) { return name.substr(0, name.find('.')); }

// Settings of brokers that 4.0 has no more.
constexpr std::array<std::string_view, 10> kGoneWith4 = {
    "auto.include.jmx.reporter",   "controlled.shutdown.max.retries",         "controlled.shutdown.retry.backoff.ms",
    "delegation.token.master.key", "leader.imbalance.per.broker.percentage",  "log.message.downconversion.enable",
    "log.message.format.version",  "log.message.timestamp.difference.max.ms", "offsets.commit.required.acks",
    "reserved.broker.max.id"};

// Why brokers take no notice of the setting, or "". What begins with a word that Kafka has not may be a plugin's, which
// finds its settings among the brokers', unless it is a slip of the pen.
std::string broker_setting_fault(const Cluster& cluster, const std::string& name) {
  const bool is_4 = parse_version(cluster.kafka_version).first >= 4;
  if (is_4 && std::ranges::find(kGoneWith4, name) != kGoneWith4.end())
    return fmt::format("Kafka {} has no setting {} of brokers any more: it went with 4.0", cluster.kafka_version, name);
  if (is_known_name(name)) return "";
  const std::string hint = yaml::did_you_mean(name, known_names());
  if (find_topic_setting(name) != nullptr || !why_not_a_setting(name).empty())
    return fmt::format("{} is a setting of topics, not of brokers{}", name,
                       hint.empty() ? ", where most have log. before their names" : hint);
  constexpr std::array<std::string_view, 5> kOfPlugins = {"client", "kafka", "metric", "metrics", "remote"};
  const std::string_view word = first_word(name);
  const bool is_ours = std::ranges::find(known_names(), word, first_word) != known_names().end() &&
                       std::ranges::find(kOfPlugins, word) == kOfPlugins.end();
  constexpr size_t kSlip = 2;  // edits
  const std::string_view near = nearest(name, known_names());
  const bool is_slip = !near.empty() && edit_distance(name, near) <= kSlip;
  return is_ours || is_slip ? fmt::format("brokers have no setting {}{}", name, hint) : "";
}

// The validators of Kafka's own definitions, where a name does not say what a value is. -1 and the like, which mean
// something there, are not refused.
constexpr std::array<KafkaSetting, 53> kBrokerValues = {{
    {.name = "background.threads", .least = 1},
    {.name = "compression.type", .takes = Takes::kWord, .words = "uncompressed zstd lz4 snappy gzip producer"},
    {.name = "fetch.max.bytes", .least = 1024, .most = INT32_MAX},
    {.name = "group.coordinator.rebalance.protocols",
     .takes = Takes::kWords,
     .words = "classic consumer share streams"},
    {.name = "group.max.size", .least = 1},
    {.name = "leader.imbalance.check.interval.seconds", .least = 1},
    {.name = "log.cleaner.backoff.ms"},
    {.name = "log.cleaner.delete.retention.ms"},
    {.name = "log.cleaner.max.compaction.lag.ms", .least = 1},
    {.name = "log.cleaner.min.cleanable.ratio", .takes = Takes::kFraction, .most = 1},
    {.name = "log.cleaner.threads", .least = 1},
    {.name = "log.cleanup.policy", .takes = Takes::kWords, .words = "delete compact"},
    {.name = "log.flush.interval.messages", .least = 1},
    {.name = "log.index.interval.bytes", .most = INT32_MAX},
    {.name = "log.index.size.max.bytes", .least = 4, .most = INT32_MAX},
    {.name = "log.message.timestamp.after.max.ms"},
    {.name = "log.message.timestamp.before.max.ms"},
    {.name = "log.message.timestamp.type", .takes = Takes::kWord, .words = "CreateTime LogAppendTime"},
    {.name = "log.retention.check.interval.ms", .least = 1},
    {.name = "log.roll.hours", .least = 1},
    {.name = "log.roll.jitter.hours"},
    {.name = "log.roll.ms", .least = 1},
    {.name = "log.segment.bytes", .least = 14, .most = INT32_MAX},
    {.name = "log.segment.delete.delay.ms"},
    {.name = "max.connection.creation.rate"},
    {.name = "max.connections"},
    {.name = "max.connections.per.ip"},
    {.name = "message.max.bytes", .most = INT32_MAX},
    {.name = "metrics.num.samples", .least = 1},
    {.name = "metrics.recording.level", .takes = Takes::kWord, .words = "INFO DEBUG TRACE"},
    {.name = "metrics.sample.window.ms", .least = 1},
    {.name = "min.insync.replicas", .least = 1},
    {.name = "num.io.threads", .least = 1},
    {.name = "num.network.threads", .least = 1},
    {.name = "num.partitions", .least = 1},
    {.name = "num.recovery.threads.per.data.dir", .least = 1},
    {.name = "num.replica.fetchers", .least = 1},
    {.name = "offsets.retention.check.interval.ms", .least = 1},
    {.name = "offsets.retention.minutes", .least = 1},
    {.name = "offsets.topic.num.partitions", .least = 1},
    {.name = "offsets.topic.replication.factor", .least = 1, .most = INT16_MAX},
    {.name = "offsets.topic.segment.bytes", .least = 1, .most = INT32_MAX},
    {.name = "producer.id.expiration.ms", .least = 1},
    {.name = "queued.max.requests", .least = 1},
    {.name = "quota.window.num", .least = 1},
    {.name = "quota.window.size.seconds", .least = 1},
    {.name = "replica.fetch.max.bytes", .most = INT32_MAX},
    {.name = "socket.request.max.bytes", .least = 1, .most = INT32_MAX},
    {.name = "transaction.max.timeout.ms", .least = 1},
    {.name = "transaction.state.log.min.isr", .least = 1},
    {.name = "transaction.state.log.num.partitions", .least = 1},
    {.name = "transaction.state.log.replication.factor", .least = 1, .most = INT16_MAX},
    {.name = "transactional.id.expiration.ms", .least = 1},
}};

// What a broker's setting is by its name, as Kafka names them.
Takes taken_by_name(std::string_view name) {
  constexpr std::array<std::string_view, 8> kWhole = {".ms",      ".bytes",    ".threads",    ".hours",
                                                      ".minutes", ".fetchers", ".partitions", ".replication.factor"};
  const auto ends = [name](std::string_view end) { return name.ends_with(end); };
  if (name.ends_with(".enable")) return Takes::kTruth;
  return std::ranges::any_of(kWhole, ends) ? Takes::kWhole : Takes::kAnything;
}

// Why a broker does not start with the value, or "".
std::string broker_value_fault(const Cluster& cluster, const std::string& name, const std::string& value) {
  if (!is_known_name(name)) return "";
  const auto* const table = std::ranges::find(kBrokerValues, name, &KafkaSetting::name);
  const KafkaSetting by_name = {.name = name, .takes = taken_by_name(name), .least = INT64_MIN};
  const KafkaSetting& setting = table != kBrokerValues.end() ? *table : by_name;
  if (const std::string right = right_value(setting, value); !right.empty())
    return fmt::format("{}: {}, and Kafka takes {}", name, value, right);
  // KIP-1030; before, a segment had 14 bytes at least.
  constexpr int64_t kSegmentLeast = 1 << 20;
  const bool is_4 = parse_version(cluster.kafka_version).first >= 4;
  if (name == "log.segment.bytes" && is_4 && number_or(value, kSegmentLeast) < kSegmentLeast)
    return fmt::format("{}: {}, and Kafka {} takes {} or more", name, value, cluster.kafka_version, kSegmentLeast);
  // What is below 0 is without end, and 0 is nothing (KafkaConfig.validateValues).
  constexpr std::array<std::string_view, 3> kRetention = {"log.retention.hours", "log.retention.minutes",
                                                          "log.retention.ms"};
  if (std::ranges::find(kRetention, name) != kRetention.end() && number_or(value, 1) == 0)
    return fmt::format("{}: {}, and Kafka takes -1, or 1 or more", name, value);
  return "";
}

// Pairs that Kafka compares when a broker starts: the first is never more than the second, also where only one of them
// is said and the other is Kafka's own.
struct Ordered {
  std::string_view less;
  int64_t less_usual;
  std::string_view more;
  int64_t more_usual;
};
constexpr std::array<Ordered, 8> kOrdered = {{
    {"group.consumer.heartbeat.interval.ms", 5000, "group.consumer.max.heartbeat.interval.ms", 15000},
    {"group.consumer.min.heartbeat.interval.ms", 5000, "group.consumer.heartbeat.interval.ms", 5000},
    {"group.consumer.min.session.timeout.ms", 45000, "group.consumer.session.timeout.ms", 45000},
    {"group.consumer.session.timeout.ms", 45000, "group.consumer.max.session.timeout.ms", 60000},
    {"log.cleaner.min.compaction.lag.ms", 0, "log.cleaner.max.compaction.lag.ms", INT64_MAX},
    {"replica.fetch.wait.max.ms", 500, "replica.lag.time.max.ms", 30000},
    {"replica.fetch.wait.max.ms", 500, "replica.socket.timeout.ms", 30000},
    {"socket.request.max.bytes", 100 << 20, "queued.max.request.bytes", -1},
}};

// Why no broker starts with settings that it would start with one by one.
std::vector<std::string> brokers_faults_together(const Cluster& cluster) {
  std::vector<std::string> out;
  const auto value = [&](std::string_view name, int64_t usual) {
    const std::string* const said = said_setting(cluster.settings, name);
    return said == nullptr ? usual : number_or(*said, usual);
  };
  for (const Ordered& pair : kOrdered) {
    const int64_t less = value(pair.less, pair.less_usual), more = value(pair.more, pair.more_usual);
    if (more >= 0 && less > more)  // -1: without bound
      out.push_back(fmt::format("{}: {}, and Kafka takes at most {}, {}", pair.less, less, pair.more, more));
  }
  return out;
}

// One finding for each setting of which `fault` says something.
template <class Fault>
Findings each_broker_setting(const Facts& facts, std::string_view mend, const Fault& fault) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    for (const auto& [name, value] : cluster.settings) {
      if (std::string evidence = fault(cluster, name, value); !evidence.empty())
        found.push_back(finding(facts, Kind::kCluster, i, "settings", std::move(evidence), std::string(mend)));
    }
  }
  return found;
}

// Topics whose replicas and min ISR are settings of the brokers.
struct OwnTopic {
  std::string_view what;
  std::string_view replication;
  std::string_view min_isr;
  std::string_view unmade;  // what does not work where it can't be made
};
constexpr std::array<OwnTopic, 4> kOwnTopics = {{
    {"places of groups", "offsets.topic.replication.factor", "min.insync.replicas", "no group reads"},
    {"transactions", "transaction.state.log.replication.factor", "transaction.state.log.min.isr",
     "no transaction begins"},
    {"share groups", "share.coordinator.state.topic.replication.factor", "share.coordinator.state.topic.min.isr",
     "no share group reads"},
    {"topics that do not say how many", "default.replication.factor", "min.insync.replicas", "none is made"},
}};

// What is wrong with one of them, or "".
std::string own_topic_fault(const Cluster& cluster, const OwnTopic& topic,
                            const std::map<std::string, std::string>& settings) {
  const auto value = [&](std::string_view name) {
    const auto found = settings.find(std::string(name));
    return found == settings.end() ? 0 : number_or(found->second, 0);
  };
  const int64_t replicas = value(topic.replication), min_isr = value(topic.min_isr);
  const std::string of_replicas = plural(static_cast<uint64_t>(std::max<int64_t>(replicas, 0)), "replica");
  if (replicas > cluster.brokers)
    return fmt::format("{}: {}, and {}: {}", topic.replication, replicas, plural(cluster.brokers, "broker"),
                       topic.unmade);
  if (replicas > 0 && min_isr > replicas)
    return fmt::format("{}: {} of {}: no write of {} succeeds", topic.min_isr, min_isr, of_replicas, topic.what);
  if (replicas > 1 && min_isr == replicas)
    return fmt::format("{}: {} of {}: writes of {} stop whenever a broker is down", topic.min_isr, min_isr, of_replicas,
                       topic.what);
  return "";
}

}  // namespace

Findings broker_settings(const Facts& facts) {
  return each_broker_setting(facts, "another name, or take it out",
                             [](const Cluster& cluster, const std::string& name, const std::string&) {
                               return broker_setting_fault(cluster, name);
                             });
}

Findings broker_values(const Facts& facts) {
  constexpr std::string_view kMend = "another value, or take it out";
  Findings found = each_broker_setting(facts, kMend, broker_value_fault);
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i)
    for (std::string& fault : brokers_faults_together(facts.fleet.clusters[i]))
      found.push_back(finding(facts, Kind::kCluster, i, "settings", std::move(fault), std::string(kMend)));
  return found;
}

Findings own_topics(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    std::map<std::string, std::string> settings = broker_settings_of(cluster);
    settings.merge(own_topics_of(cluster));
    for (const OwnTopic& topic : kOwnTopics) {
      if (std::string fault = own_topic_fault(cluster, topic, settings); !fault.empty())
        found.push_back(finding(facts, Kind::kCluster, i, "settings", std::move(fault),
                                "fewer, or take it out: what is rendered is right for the brokers that there are"));
    }
  }
  return found;
}

}  // namespace freshet::fleet::checks
