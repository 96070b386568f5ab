// Codecs against rates and retention; what disks hold. A codec is paid once, by producers' processors, and saves at
// every later station: network, replicas, disks, mirrors, readers. What a codec usually makes of JSON is in
// fleet/rates.h.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "fleet/lint/rules.h"
#include "fleet/text.h"
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

}  // namespace freshet::fleet::checks
