// Advice is made of what was seen, not of rates: the records of a sample are gathered anew, as their producers would
// have done with another linger. So bursts, quiet moments and the number of producers are in it as they are.
#include "fleet/watch/batches.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <set>

#include "base/assert.h"
#include "base/saturated.h"
#include "fleet/text.h"

namespace freshet::fleet {
namespace {

constexpr std::array<int64_t, 5> kLingersMs = {5, 10, 20, 50, 100};
constexpr uint32_t kBatchBytesLeast = 16 << 10;  // what producers have by default
constexpr uint32_t kBatchBytesMost = 256 << 10;
constexpr size_t kBatchesLeast = 20;         // below, a sample says nothing of how producers gather
constexpr double kGainLeast = 2;             // as many times fewer batches, or waiting is not worth it
constexpr double kGainOfMost = 0.8;          // of what the longest linger gains: a shorter one that has it is taken
constexpr double kBatchesASecondLeast = 50;  // of a topic: below, requests cost nothing that anybody notices
constexpr double kBytesSavedLeast = 0.15;    // by another codec
constexpr int64_t kLongUs = int64_t{2} * 86'400 * 1'000'000;  // kept so long, bytes count more than processor time
constexpr size_t kBatchHeadBytes = 61;

struct LingerAdvice {
  int64_t linger_ms = 0;
  Gathered then;
};

// The shortest that gains most of what can be gained.
LingerAdvice best_linger(std::span<const BatchSeen> batches) {
  const double now = static_cast<double>(batches.size());
  const double most = now - static_cast<double>(gather(batches, kLingersMs.back(), kBatchBytesMost).batches);
  for (const int64_t linger_ms : kLingersMs) {
    const Gathered then = gather(batches, linger_ms, kBatchBytesMost);
    const auto count = static_cast<double>(then.batches);
    if (now >= kGainLeast * count && now - count >= kGainOfMost * most) return {linger_ms, then};
  }
  return {};
}

// Of an empty batch's nothing, nothing is saved: a share of at least a byte.
CodecFigures codec_figures(const CodecCost& cost, double packed_bytes, double records) {
  return {static_cast<double>(cost.bytes) / std::max(packed_bytes, 1.0), static_cast<double>(cost.cpu_us) / records};
}

// Both texts stand behind a topic's name, in the view and in a concern, and name the producer's own settings.
std::string linger_text(const BatchStanding& standing) {
  const BatchFigures& f = standing.figures;
  return fmt::format("linger.ms={} and batch.size={} would make it {:.1f} records a batch, {:.1f} batches/s{}",
                     f.linger_ms, f.batch_bytes, f.records_per_batch_then, standing.batches_per_s_then,
                     f.anonymous ? " if one producer writes each partition" : "");
}

std::string codec_text(const BatchFigures& f, Compression advised) {
  const bool is_zstd = advised == Compression::kZstd;
  const CodecFigures& chosen = is_zstd ? f.zstd : f.lz4;
  const CodecFigures& other = is_zstd ? f.lz4 : f.zstd;
  return fmt::format("{} sends {:.0f} % fewer bytes than now for {:.1f} us of CPU a record ({}: {:.0f} %, {:.1f} us)",
                     name_of(advised), 100 * (1 - chosen.bytes_share), chosen.cpu_us_a_record,
                     name_of(is_zstd ? Compression::kLz4 : Compression::kZstd), 100 * (1 - other.bytes_share),
                     other.cpu_us_a_record);
}

// zstd where much is kept for long, LZ4 else; nothing that the topic has already, or that saves little.
std::optional<Compression> better_codec(const BatchFigures& f, int64_t retention_us) {
  const bool is_long = retention_us == 0 || retention_us >= kLongUs;
  const Compression wanted = is_long ? Compression::kZstd : Compression::kLz4;
  const CodecFigures& figures = is_long ? f.zstd : f.lz4;
  if (wanted == f.codec || 1 - figures.bytes_share < kBytesSavedLeast) return std::nullopt;
  return wanted;
}

}  // namespace

Gathered gather(std::span<const BatchSeen> batches, int64_t linger_ms, uint32_t bytes_max) {
  // The batch that a producer is filling: it goes when its first record has waited for long enough, or it is full.
  struct Open {
    int64_t first_ms = 0;
    uint32_t bytes = 0;
  };
  std::map<int64_t, Open> open;  // by producer
  Gathered out;
  for (const BatchSeen& batch : batches) {
    const auto [found, is_new] = open.try_emplace(batch.producer_id, Open{batch.first_ms, 0});
    Open& one = found->second;
    const bool fits = saturated_difference(batch.first_ms, one.first_ms) <= linger_ms &&
                      uint64_t{one.bytes} + batch.bytes <= bytes_max;
    if (is_new || !fits) {
      ++out.batches;
      one = {batch.first_ms, 0};
    }
    one.bytes += batch.bytes;
    out.bytes_most = std::max(out.bytes_most, one.bytes);
  }
  return out;
}

BatchFigures figures_of(const TopicSample& sample) {
  FRESHET_ASSERT(!sample.batches.empty());
  BatchFigures out;
  std::set<int64_t> producers;
  double records = 0;
  double bytes = 0;
  for (const BatchSeen& batch : sample.batches) {
    records += batch.records;
    bytes += batch.bytes;
    out.anonymous = out.anonymous || batch.producer_id < 0;
    if (batch.producer_id >= 0) producers.insert(batch.producer_id);
  }
  const auto count = static_cast<double>(sample.batches.size());
  out.batches = static_cast<uint32_t>(sample.batches.size());
  out.producers = producers.size();
  out.records_per_batch = records / count;
  out.bytes_per_batch = bytes / count;
  out.raw_bytes_per_batch = static_cast<double>(sample.raw_bytes) / count;
  out.codec = sample.codec;
  if (sample.batches.size() >= kBatchesLeast) {
    const LingerAdvice advice = best_linger(sample.batches);
    out.linger_ms = static_cast<uint32_t>(advice.linger_ms);
    if (advice.linger_ms > 0) {
      out.batch_bytes = std::clamp(std::bit_ceil(advice.then.bytes_most), kBatchBytesLeast, kBatchBytesMost);
      out.records_per_batch_then = records / static_cast<double>(advice.then.batches);
    }
  }
  // Codecs are compared by what they pack. Heads are saved too where batches become fewer, which is not their doing.
  const double packed = bytes - count * kBatchHeadBytes;
  out.lz4 = codec_figures(out.linger_ms > 0 ? sample.lz4_large : sample.lz4, packed, records);
  out.zstd = codec_figures(out.linger_ms > 0 ? sample.zstd_large : sample.zstd, packed, records);
  return out;
}

BatchStanding stand_of(const std::string& topic, const BatchFigures& figures, double in_per_s, int64_t retention_us) {
  FRESHET_ASSERT(figures.records_per_batch > 0);
  BatchStanding out;
  out.topic = topic;
  out.figures = figures;
  out.batches_per_s = in_per_s / figures.records_per_batch;
  out.batches_per_s_then = out.batches_per_s;
  if (out.batches_per_s < kBatchesASecondLeast) return out;
  out.linger_advised = figures.linger_ms > 0;
  if (out.linger_advised) {
    out.batches_per_s_then = in_per_s / figures.records_per_batch_then;
    out.advice = linger_text(out);
  }
  out.codec_advised = better_codec(figures, retention_us);
  if (out.codec_advised) {
    if (!out.advice.empty()) out.advice += "; ";
    out.advice += codec_text(figures, *out.codec_advised);
  }
  return out;
}

}  // namespace freshet::fleet
