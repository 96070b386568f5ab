// Codecs against rates and retention; what disks hold. A codec is paid once, by producers' processors, and saves at
// every later station: network, replicas, disks, mirrors, readers. What a codec usually makes of JSON is in
// fleet/rates.h.
#include <fmt/core.h>

#include <algorithm>

#include "base/assert.h"
#include "fleet/fields.h"
#include "fleet/kafka_version.h"
#include "fleet/limits.h"
#include "fleet/lint/rules.h"
#include "fleet/lint/setting_value.h"
#include "fleet/text.h"
#include "fleet/topic_settings.h"
#include "yaml/reader.h"
#include "yaml/units.h"

namespace freshet::fleet::checks {
namespace {

using yaml::duration_text;
using yaml::size_text;

// Bounds below which a rule would be right and not worth anybody's time. kDiskUse is the limit that plan has, too
// (prices.yaml: limits.disk); proposals aim lower. kVolumeBytesMax is what EBS's largest volume type takes.
constexpr double kCompressBytes = 1e6;  // a second: below, no codec is worth a word
constexpr double kHighRate = 20e6;      // message bytes a second, at the peak
constexpr int64_t kLongRetentionUs = 3ll * 86'400'000'000;
constexpr double kMuchKept = 50e9;  // bytes of all replicas
constexpr double kDiskUse = 0.85;   // of the disks, at most
constexpr double kDiskUseWanted = 0.6;
constexpr uint64_t kVolumeBytesMax = 64ull << 40;

bool is_long(const Topic& topic) { return topic.retention_us == 0 || topic.retention_us >= kLongRetentionUs; }

double message_bytes_peak(const Topic& topic) { return peak_of(topic) * static_cast<double>(topic.message_bytes); }

double kept(const Facts& facts, Index i) {
  return facts.rates.topics[i].kept_bytes * facts.fleet.topics[i].replication;
}

// A mirror keeps the codec, so the source has the finding.
bool is_at_source(const Facts& facts, Index i) { return facts.sources_of[i].empty(); }

uint64_t up_to_multiple(uint64_t value, uint64_t step) { return (value + step - 1) / step; }

// The volumes that are nearest to these and are sold.
Volumes nearest(Volumes volumes, const VolumeLimits& limits) {
  volumes.count = std::min(volumes.count, kVolumesMost);
  uint64_t gib = std::clamp(up_to_multiple(volumes.size_bytes, kGiB), limits.gib_min, limits.gib_max);
  if (limits.mib_per_s_max > 0) {
    const uint64_t mib = std::clamp<uint64_t>(up_to_multiple(volumes.throughput_bytes_per_s, kMiB),
                                              limits.mib_per_s_min, limits.mib_per_s_max);
    volumes.throughput_bytes_per_s = mib * kMiB;
    if (mib > limits.mib_per_s_min)
      volumes.iops = std::max(volumes.iops, static_cast<uint32_t>(mib) * limits.iops_per_mib_per_s);
  }
  if (limits.iops_max > 0) {
    volumes.iops = std::clamp(volumes.iops, limits.iops_min, limits.iops_max);
    if (volumes.iops > limits.iops_min) gib = std::max(gib, up_to_multiple(volumes.iops, limits.iops_per_gib));
  }
  // A size that is no whole number of GiB is rounded up where it is rendered.
  if (gib != up_to_multiple(volumes.size_bytes, kGiB)) volumes.size_bytes = gib * kGiB;
  return volumes;
}

// How the volumes have to change.
std::vector<Change> volume_changes(Index cluster, const Volumes& is, const Volumes& sold) {
  std::vector<Change> out;
  const auto add = [&](std::string_view key, bool differs, std::string value) {
    if (differs) out.push_back({Kind::kCluster, cluster, "volumes." + std::string(key), std::move(value)});
  };
  add("count", is.count != sold.count, std::to_string(sold.count));
  add("size", is.size_bytes != sold.size_bytes, size_text(sold.size_bytes));
  add("iops", is.iops != sold.iops, std::to_string(sold.iops));
  // Only throughput of types that have it is looked at, and it may stand as a fraction of a MiB, which is rounded up.
  const uint64_t mib = up_to_multiple(is.throughput_bytes_per_s, kMiB);
  add("throughput", mib != up_to_multiple(sold.throughput_bytes_per_s, kMiB), size_text(sold.throughput_bytes_per_s));
  return out;
}

// "1 volume of type gp3, 10GiB each, 16000 IOPS, throughput 125MiB/s": what of it is provisioned.
std::string volumes_text(const Volumes& volumes, const VolumeLimits& limits) {
  std::string out = fmt::format("{} of type {}, {} each", plural(volumes.count, "volume"), volumes.type,
                                size_text(volumes.size_bytes));
  if (limits.iops_max > 0) out += fmt::format(", {} IOPS", volumes.iops);
  if (limits.mib_per_s_max > 0) out += fmt::format(", throughput {}/s", size_text(volumes.throughput_bytes_per_s));
  return out;
}

// What is sold of the type, in words.
std::string limits_text(const VolumeLimits& limits) {
  std::string out = fmt::format("has {} to {} GiB", limits.gib_min, limits.gib_max);
  if (limits.iops_max > 0) {
    out += fmt::format(", {} to {} IOPS, more than the least at most {} a GiB", limits.iops_min, limits.iops_max,
                       limits.iops_per_gib);
  }
  if (limits.mib_per_s_max > 0) {
    out += fmt::format(", {} to {} MiB/s, more than the least at {} IOPS a MiB/s", limits.mib_per_s_min,
                       limits.mib_per_s_max, limits.iops_per_mib_per_s);
  }
  return out + fmt::format("; a broker has at most {} volumes", kVolumesMost);
}

}  // namespace

Findings no_compression(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    if (topic.compression != Compression::kUncompressed || !is_at_source(facts, i)) continue;
    if (facts.rates.topics[i].in_bytes_per_s < kCompressBytes && kept(facts, i) < kMuchKept) continue;
    const bool wants_zstd = is_long(topic);
    const double ratio = usual_ratio(wants_zstd ? Compression::kZstd : Compression::kLz4);
    found.push_back(finding_mended(facts, Kind::kTopic, i, "compression",
                                   fmt::format("{} in, {} kept by all replicas; usually a {} of it",
                                               rate_text(facts.rates.topics[i].in_bytes_per_s),
                                               bytes_text(kept(facts, i)), ratio > 2.5 ? "third" : "half"),
                                   wants_zstd ? "zstd" : "lz4", ""));
  }
  return found;
}

Findings slow_codec_at_high_rate(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    const bool is_gzip = topic.compression == Compression::kGzip;
    if (!is_gzip && topic.compression != Compression::kZstd) continue;
    if (!is_at_source(facts, i) || message_bytes_peak(topic) < kHighRate) continue;
    if (!is_gzip && is_long(topic)) continue;  // what zstd saves on disk is worth its time
    found.push_back(finding_mended(
        facts, Kind::kTopic, i, "compression",
        fmt::format("{} for {} of messages at the peak, kept {}", name_of(topic.compression),
                    rate_text(message_bytes_peak(topic)),
                    topic.retention_us == 0 ? "without end" : "for " + duration_text(topic.retention_us)),
        is_long(topic) ? "zstd" : "lz4", ""));
  }
  return found;
}

Findings fast_codec_for_long_retention(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    const bool is_fast = topic.compression == Compression::kLz4 || topic.compression == Compression::kSnappy;
    // With a ratio of its own somebody has measured; what zstd would make of it is not known.
    if (!is_fast || topic.compression_ratio > 0 || !is_at_source(facts, i)) continue;
    if (!is_long(topic) || kept(facts, i) < kMuchKept || topic.retention_bytes > 0) continue;
    const double with_zstd = kept(facts, i) * usual_ratio(topic.compression) / usual_ratio(Compression::kZstd);
    found.push_back(
        finding_mended(facts, Kind::kTopic, i, "compression",
                       fmt::format("{} kept by all replicas for {}; with zstd usually {}", bytes_text(kept(facts, i)),
                                   topic.retention_us == 0 ? "a year and on" : duration_text(topic.retention_us),
                                   bytes_text(with_zstd)),
                       "zstd", ""));
  }
  return found;
}

// With compression.type other than `producer` brokers keep batches in that codec, whatever comes.
Findings compressed_anew(const Facts& facts) {
  constexpr std::string_view kName = "compression.type";
  Findings found;
  const auto value_in = [&](const auto& settings) -> std::string_view {
    const std::string* const said = said_setting(settings, kName);
    return said == nullptr ? std::string_view() : std::string_view(*said);
  };
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    const Cluster& cluster = facts.fleet.cluster_of(topic);
    std::string_view kept_as = value_in(topic.settings);
    const bool of_topic = !kept_as.empty();
    if (of_topic && !topic.declared) continue;  // made with its source's settings, which has the finding
    if (!of_topic) kept_as = value_in(cluster.settings);
    const std::string_view sent_as =
        topic.compression == Compression::kUncompressed ? "uncompressed" : name_of(topic.compression);
    if (kept_as.empty() || kept_as == "producer" || kept_as == sent_as || topic.messages_per_s <= 0) continue;
    found.push_back(finding(
        facts, Kind::kTopic, i, of_topic ? "settings" : "compression",
        fmt::format("{}: {} {}, and producers send {}", kName, kept_as,
                    of_topic ? "of the topic" : "of cluster " + cluster.name, sent_as),
        of_topic ? "take it out, and let producers use that codec" : "compression.type: producer of the cluster"));
  }
  return found;
}

Findings kept_forever(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    if (!facts.rates.topics[i].kept_forever || topic.cleanup == Cleanup::kCompact || topic.messages_per_s <= 0)
      continue;
    found.push_back(
        finding_mended(facts, Kind::kTopic, i, "retention",
                       fmt::format("never deleted: {} more each year, of all replicas", bytes_text(kept(facts, i))),
                       "7d", ", or retention_bytes"));
  }
  return found;
}

// Kafka does not look at the retention of what is compacted only, and plan has nothing else to count with.
Findings compacted_size(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    if (topic.cleanup != Cleanup::kCompact || topic.compacted_bytes > 0 || topic.messages_per_s <= 0) continue;
    const std::string time = topic.retention_us == 0 ? "a year" : duration_text(topic.retention_us);
    found.push_back(
        finding(facts, Kind::kTopic, i, "cleanup",
                fmt::format("what {} brings is counted, {} of all replicas; what stays is the last message of each key",
                            time, bytes_text(kept(facts, i))),
                "compacted_bytes: SIZE, of all keys' last messages"));
  }
  return found;
}

Findings disk_too_small(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    const double volumes = static_cast<double>(cluster.brokers) * cluster.volumes.count;
    const double disk = volumes * static_cast<double>(cluster.volumes.size_bytes);
    const double used = facts.rates.clusters[i].kept_bytes;
    if (used <= kDiskUse * disk) continue;
    FRESHET_ASSERT(volumes > 0);
    const double each_gib = used / kDiskUseWanted / volumes / static_cast<double>(1ull << 30);
    const uint64_t size = round_up(each_gib, 10) * (1ull << 30);
    std::string evidence = fmt::format("{} kept by all replicas, {} of disk on {} ({:.0f} %)", bytes_text(used),
                                       bytes_text(disk), plural(cluster.brokers, "broker"), 100 * used / disk);
    if (size > kVolumeBytesMax) {
      found.push_back(
          finding(facts, Kind::kCluster, i, "volumes.size", std::move(evidence), "more brokers, or shorter retention"));
    } else {
      found.push_back(finding_mended(facts, Kind::kCluster, i, "volumes.size", std::move(evidence), size_text(size),
                                     ", more brokers, or shorter retention"));
    }
  }
  return found;
}

// A topic that says no size has the brokers' (Kafka's log.retention.bytes), and whichever bound is reached first
// deletes.
Findings bounded_by_brokers(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    const Cluster& cluster = facts.fleet.cluster_of(topic);
    const std::string* const said = said_setting(cluster.settings, "log.retention.bytes");
    const double bytes = said == nullptr ? 0 : static_cast<double>(number_or(*said, 0)) * topic.partitions;
    if (bytes <= 0 || topic.retention_bytes > 0 || topic.cleanup == Cleanup::kCompact) continue;
    const double rate = facts.rates.topics[i].in_bytes_per_s;
    const double promised = rate * static_cast<double>(topic.retention_us) / 1e6;
    if (topic.retention_us > 0 && promised <= bytes) continue;
    const std::string retention = topic.retention_us == 0 ? "without end" : "for " + duration_text(topic.retention_us);
    found.push_back(finding(
        facts, Kind::kTopic, i, "retention",
        fmt::format("to be kept {}{}, and log.retention.bytes of cluster {} keeps {}", retention,
                    promised > 0 ? fmt::format(", {}", bytes_text(promised)) : "", cluster.name, bytes_text(bytes)),
        "retention_bytes: what it is to keep of a partition; or take log.retention.bytes out"));
  }
  return found;
}

// Of machines on EC2; in Kubernetes the storage class decides.
Findings volume_limits(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    if (cluster.platform != Platform::kEc2) continue;
    const auto limits = std::ranges::find(fleet::volume_limits(), cluster.volumes.type, &VolumeLimits::type);
    if (limits == fleet::volume_limits().end()) {
      std::vector<std::string> types;
      for (const VolumeLimits& each : fleet::volume_limits()) types.emplace_back(each.type);
      found.push_back(finding_mended(
          facts, Kind::kCluster, i, "volumes.type",
          fmt::format("there is no type of volume \"{}\"; there are {}", cluster.volumes.type, yaml::join_names(types)),
          Volumes().type, ""));
      continue;
    }
    std::vector<Change> changes = volume_changes(i, cluster.volumes, nearest(cluster.volumes, *limits));
    if (changes.empty()) continue;
    std::string mend = mend_text(facts.fleet, changes);
    const std::string key = changes.front().key;
    found.push_back(
        finding(facts, Kind::kCluster, i, key,
                fmt::format("{}: {} {}", volumes_text(cluster.volumes, *limits), limits->type, limits_text(*limits)),
                std::move(mend), std::move(changes)));
  }
  return found;
}

// KIP-405: a preview in 3.6, for production from 3.9 on (KIP-950 with it).
Findings tiered_storage(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index c = 0; c < fleet.clusters.size(); ++c) {
    std::vector<std::string> names;
    for (const Index topic : facts.topics_of[c]) {
      if (fleet.topics[topic].local_retention_us > 0) names.push_back(fleet.topics[topic].name);
    }
    if (names.empty()) continue;
    const Cluster& cluster = fleet.clusters[c];
    constexpr std::string_view kManager = "remote.log.storage.manager.class.name";
    const std::string* const enable = said_setting(cluster.settings, "remote.log.storage.system.enable");
    const bool enabled = enable != nullptr && truth_of(*enable) == true;
    if (!enabled || said_setting(cluster.settings, kManager) == nullptr) {
      found.push_back(finding(
          facts, Kind::kCluster, c, "settings",
          fmt::format("{} of it are tiered{}", list_of(names),
                      enabled ? fmt::format(", and no {} says where to", kManager) : ""),
          fmt::format("settings: {{remote.log.storage.system.enable: \"true\", {}: …}} of your storage's manager",
                      kManager)));
    } else if (parse_version(cluster.kafka_version) < std::pair<uint32_t, uint32_t>(3, 9)) {
      found.push_back(
          finding_mended(facts, Kind::kCluster, c, "kafka_version",
                         fmt::format("{} of it are tiered, with Kafka {}", list_of(names), cluster.kafka_version),
                         std::string(default_kafka(cluster.platform)), ""));
    }
  }
  return found;
}

}  // namespace freshet::fleet::checks
