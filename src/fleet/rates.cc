// This is all arithmetic that lint and plan share. Rates in the file are averages; the highest rate of a topic is its
// average times peak_factor, and all topics are taken to have theirs at once.
#include "fleet/rates.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/assert.h"
#include "base/number.h"

namespace freshet::fleet {
namespace {

// What is never deleted has no size; a year of it is shown instead, and `kept_forever` says so.
constexpr double kYearSeconds = 365.0 * 86400;

// As Kafka has them where nobody says anything else.
constexpr double kSegmentBytes = 1ull << 30;
constexpr double kSegmentSeconds = 7 * 86400;

using Settings = std::vector<std::pair<std::string, std::string>>;

// What is no number above 0 counts as not said.
double setting_of(const Settings& settings, std::string_view name, double otherwise) {
  const auto found = std::ranges::find(settings, name, &Settings::value_type::first);
  if (found == settings.end()) return otherwise;
  const auto value = to_number<double>(found->second);
  return value && *value > 0 ? *value : otherwise;
}

// Kafka deletes whole segments, when the youngest record in them is old enough or the others are enough without them,
// and compacts none that is written to. So each partition has up to a segment more than it is to keep; a segment ends
// when it is full, or old (its first record, whatever the retention).
double segments_of(const Cluster& cluster, const Topic& topic, double in_bytes_per_s) {
  const double hours = setting_of(cluster.settings, "log.roll.hours", kSegmentSeconds / 3600);
  const double brokers_ms = setting_of(cluster.settings, "log.roll.ms", hours * 3600e3);
  const double seconds = setting_of(topic.settings, "segment.ms", brokers_ms) / 1e3;
  const double brokers_bytes = setting_of(cluster.settings, "log.segment.bytes", kSegmentBytes);
  const double bytes = setting_of(topic.settings, "segment.bytes", brokers_bytes);
  return std::min(bytes * topic.partitions, in_bytes_per_s * seconds);
}

// How much there is at most of what compaction leaves: it begins when so large a part of a log has come since
// (min.cleanable.dirty.ratio).
double uncompacted_factor(const Cluster& cluster, const Topic& topic) {
  constexpr double kUsual = 0.5;
  constexpr double kRatioMost = 0.99;  // 1 is never
  const double brokers = setting_of(cluster.settings, "log.cleaner.min.cleanable.ratio", kUsual);
  return 1 / (1 - std::min(setting_of(topic.settings, "min.cleanable.dirty.ratio", brokers), kRatioMost));
}

// What has come since is younger than compaction looks at (min.compaction.lag.ms).
double uncompacted_seconds(const Cluster& cluster, const Topic& topic) {
  const double brokers_ms = setting_of(cluster.settings, "log.cleaner.min.compaction.lag.ms", 0);
  return setting_of(topic.settings, "min.compaction.lag.ms", brokers_ms) / 1e3;
}

// Of a partition; 0: without bound. A topic that says none has the brokers' own.
double bytes_bound(const Cluster& cluster, const Topic& topic) {
  if (topic.retention_bytes > 0) return static_cast<double>(topic.retention_bytes);
  return setting_of(cluster.settings, "log.retention.bytes", 0);
}
double local_bytes_bound(const Cluster& cluster, const Topic& topic) {
  return setting_of(topic.settings, "local.retention.bytes",
                    setting_of(cluster.settings, "log.local.retention.bytes", 0));
}

// Counts the groups and mirrors that read each topic. A group that is named twice is one.
std::vector<uint32_t> readers_of(const Topology& fleet) {
  std::vector<std::vector<std::string_view>> groups(fleet.topics.size());
  for (const Consumer& consumer : fleet.consumers) {
    for (const Index topic : consumer.topics) groups[topic].push_back(consumer.group);
  }
  std::vector<uint32_t> readers(fleet.topics.size());
  FRESHET_ASSERT(groups.size() == readers.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    std::sort(groups[i].begin(), groups[i].end());
    groups[i].erase(std::unique(groups[i].begin(), groups[i].end()), groups[i].end());
    readers[i] = static_cast<uint32_t>(groups[i].size());
  }
  for (const Mirror& mirror : fleet.mirrors) {
    for (const MirroredTopic& topic : mirror.topics) ++readers[topic.from];
  }
  return readers;
}

TopicRates rates_of(const Cluster& cluster, const Topic& topic, uint32_t readers) {
  TopicRates out;
  out.in_bytes_per_s = topic.messages_per_s * static_cast<double>(topic.message_bytes) / compression_ratio(topic);
  out.readers = readers;
  out.out_bytes_per_s = out.in_bytes_per_s * readers;
  // Kafka deletes by whichever bound is reached first; retention_bytes is of a partition, not of the topic.
  const bool compacted = topic.cleanup != Cleanup::kDelete && topic.compacted_bytes > 0;
  const bool by_time = topic.retention_us > 0;
  const double bound = bytes_bound(cluster, topic);
  const bool by_size = bound > 0;
  out.kept_forever = !by_time && !by_size && !compacted;
  if (!out.kept_forever) out.segment_bytes = segments_of(cluster, topic, out.in_bytes_per_s);
  out.kept_bytes = out.in_bytes_per_s * (by_time ? static_cast<double>(topic.retention_us) / 1e6 : kYearSeconds);
  if (by_size) out.kept_bytes = std::min(out.kept_bytes, bound * topic.partitions);
  if (topic.local_retention_us > 0) {
    // What is closed is copied at once, so the disks' part is in the remote storage, too.
    out.remote_bytes = out.kept_bytes;
    out.kept_bytes = std::min(out.kept_bytes, out.in_bytes_per_s * static_cast<double>(topic.local_retention_us) / 1e6);
    if (const double local = local_bytes_bound(cluster, topic); local > 0)
      out.kept_bytes = std::min(out.kept_bytes, local * topic.partitions);
  }
  if (!compacted) return out;
  // Where a topic is compacted only, Kafka does not look at retention.
  const double left = uncompacted_factor(cluster, topic) * static_cast<double>(topic.compacted_bytes) +
                      uncompacted_seconds(cluster, topic) * out.in_bytes_per_s;
  out.kept_bytes = topic.cleanup == Cleanup::kCompact ? left : std::min(out.kept_bytes, left);
  return out;
}

// What each producer sends: what it says; else its share of what a topic gets, together with the others that say
// nothing.
std::vector<double> messages_of_producers(const Topology& fleet) {
  // `sharing` counts who says nothing. It can't be 0 where it divides: the producer that is being asked counts itself.
  std::vector<uint32_t> sharing(fleet.topics.size());
  for (const Producer& producer : fleet.producers) {
    for (const Index topic : producer.topics) sharing[topic] += producer.messages_per_s > 0 ? 0 : 1;
  }
  std::vector<double> out;
  for (const Producer& producer : fleet.producers) {
    double messages = producer.messages_per_s;
    if (messages <= 0) {
      for (const Index topic : producer.topics) messages += fleet.topics[topic].messages_per_s / sharing[topic];
    }
    out.push_back(messages);
  }
  return out;
}

}  // namespace

double usual_ratio(Compression compression) {
  switch (compression) {
    case Compression::kUncompressed: return 1;
    case Compression::kSnappy: return 1.8;
    case Compression::kLz4: return 2;
    case Compression::kGzip: return 2.8;
    case Compression::kZstd: return 3;
  }
  FRESHET_ASSERT(false && "every codec is handled");
  return 1;
}

double compression_ratio(const Topic& topic) {
  return topic.compression_ratio > 0 ? topic.compression_ratio : usual_ratio(topic.compression);
}

double requests_per_s(const Batching& load, int64_t linger_us, uint64_t batch_bytes) {
  if (load.messages_per_s <= 0) return 0;
  // Per instance and broker, messages a second m, linger l: a request goes out every l + 1/m seconds (the wait begins
  // with the first message), so there are 1 / (l + 1/m) = m / (1 + m l) of them. Java's producer sends earlier when
  // one of its batches, which are per partition, is full (batch.size).
  FRESHET_ASSERT(load.brokers > 0 && load.partitions > 0 && load.message_bytes > 0 && linger_us >= 0);
  const double to_broker = load.messages_per_s / load.brokers;
  const double by_linger = to_broker / (1 + to_broker * static_cast<double>(linger_us) / 1e6);
  // The first batch that is full takes the others along.
  const double messages_in_batch = std::max(1.0, static_cast<double>(batch_bytes) / load.message_bytes);
  const double by_size = load.messages_per_s / load.partitions / messages_in_batch;
  return std::min(to_broker, std::max(by_linger, by_size)) * load.brokers * load.instances;
}

Batching batching_of(const Topology& fleet, const Producer& producer, double messages_per_s) {
  Batching load;
  if (producer.topics.empty()) return load;
  const Service& service = fleet.services[producer.service];
  double weights = 0;
  double bytes = 0;
  double peak = 1;
  load.partitions = 0;
  for (const Index index : producer.topics) {
    const Topic& topic = fleet.topics[index];
    // Topics without a rate count as nearly nothing instead of nothing: the mean of their sizes is defined all the
    // same.
    const double weight = std::max(topic.messages_per_s, 1e-9);
    weights += weight;
    bytes += weight * static_cast<double>(topic.message_bytes) / compression_ratio(topic);
    peak = std::max(peak, topic.peak_factor);
    load.partitions += topic.partitions;
  }
  // A request goes to the leader of a partition: with fewer partitions than brokers some brokers get none.
  const uint32_t brokers = fleet.cluster_of(fleet.topics[producer.topics.front()]).brokers;
  load.instances = service.instances_max;
  load.brokers = std::min<double>(brokers, load.partitions);
  load.message_bytes = std::max(1.0, bytes / weights);
  load.messages_per_s = messages_per_s * peak / load.instances;
  return load;
}

Rates rates_of(const Topology& fleet) {
  Rates out;
  out.clusters.resize(fleet.clusters.size());
  const std::vector<uint32_t> readers = readers_of(fleet);
  for (size_t i = 0; i < fleet.topics.size(); ++i) {
    const Topic& topic = fleet.topics[i];
    const TopicRates& rates = out.topics.emplace_back(rates_of(fleet.cluster_of(topic), topic, readers[i]));
    ClusterRates& cluster = out.clusters[topic.cluster];
    FRESHET_ASSERT(rates.in_bytes_per_s >= 0 && rates.kept_bytes >= 0);
    cluster.in_bytes_per_s += rates.in_bytes_per_s;
    cluster.in_bytes_per_s_peak += rates.in_bytes_per_s * topic.peak_factor;
    cluster.out_bytes_per_s += rates.out_bytes_per_s;
    cluster.partitions += topic.partitions;
    cluster.replicas += uint64_t{topic.partitions} * topic.replication;
    cluster.kept_bytes += rates.disk_bytes() * topic.replication;
  }
  FRESHET_ASSERT(out.topics.size() == fleet.topics.size());
  const std::vector<double> messages = messages_of_producers(fleet);
  for (size_t i = 0; i < fleet.producers.size(); ++i) {
    const Producer& producer = fleet.producers[i];
    const Batching load = batching_of(fleet, producer, messages[i]);
    ProducerRates& rates = out.producers.emplace_back();
    rates.messages_per_s = messages[i];
    rates.requests_per_s_peak = requests_per_s(load, producer.linger_us, producer.batch_bytes);
    if (rates.requests_per_s_peak <= 0) continue;
    rates.messages_per_request_peak = load.messages_per_s * load.instances / rates.requests_per_s_peak;
    const Index cluster = fleet.topics[producer.topics.front()].cluster;
    out.clusters[cluster].produce_requests_per_s_peak += rates.requests_per_s_peak;
  }
  return out;
}

}  // namespace freshet::fleet
