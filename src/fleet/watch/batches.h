// What the batches of a topic say of its producers, and which linger, batch size and codec would mend it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "fleet/watch/look.h"

namespace freshet::fleet {

// How many batches there would have been had each producer waited so long before it sent, and no longer than until it
// had `bytes_max`: the very same records at the very same times, gathered. Producers that don't say who they are count
// as one.
struct Gathered {
  size_t batches = 0;
  uint32_t bytes_most = 0;  // of the largest
};
[[nodiscard]] Gathered gather(std::span<const BatchSeen> batches, int64_t linger_ms, uint32_t bytes_max);

// What a codec would make of the topic, beside what it has.
struct CodecFigures {
  double bytes_share = 1;      // of its bytes to those of now, less the heads of batches
  double cpu_us_a_record = 0;  // to pack, on the machine that watches
};

// Of a sample alone, so that it holds as long as producers go on as they are.
struct BatchFigures {
  uint32_t batches = 0;  // that were looked at
  double records_per_batch = 0;
  double bytes_per_batch = 0;  // as sent
  double raw_bytes_per_batch = 0;
  size_t producers = 0;    // that say who they are
  bool anonymous = false;  // some don't
  Compression codec = Compression::kUncompressed;
  uint32_t linger_ms = 0;  // advised; 0: no linger makes much less of them
  uint32_t batch_bytes = 0;
  double records_per_batch_then = 0;
  CodecFigures lz4, zstd;  // in batches as advised
};
// REQUIRES: it has a batch.
[[nodiscard]] BatchFigures figures_of(const TopicSample& sample);

struct BatchStanding {
  std::string topic;
  BatchFigures figures;
  double batches_per_s = 0;
  double batches_per_s_then = 0;  // with what is advised
  bool linger_advised = false;
  std::optional<Compression> codec_advised;
  std::string advice;  // in words; "": there is nothing to gain
};
// Of a topic that gets so many messages a second, and keeps them so long (0: for ever).
[[nodiscard]] BatchStanding stand_of(const std::string& topic, const BatchFigures& figures, double in_per_s,
                                     int64_t retention_us);

}  // namespace freshet::fleet
