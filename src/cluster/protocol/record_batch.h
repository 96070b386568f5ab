// Batches of records as they are in logs, in Produce and in Fetch (kafka.apache.org/documentation, "Record Batch",
// magic 2): a head of 61 bytes, then the records, packed by the producer's codec (packing.h). Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/protocol/packing.h"

namespace freshet::cluster::protocol {

inline constexpr size_t kBatchHeadBytes = 61;

struct Batch {
  int64_t base_offset = 0;
  uint32_t bytes = 0;  // whole, its head too
  Packing packing = Packing::kNone;
  bool appended_time = false;  // times are the broker's, not the producer's
  bool transactional = false;
  bool control = false;  // the marker of a transaction, which no reader gets
  int64_t first_ms = 0, last_ms = 0;
  int64_t producer_id = -1;  // -1: it is not idempotent, and says not who it is
  int16_t producer_epoch = -1;
  int32_t first_sequence = -1;
  uint32_t records = 0;
  std::string_view packed;  // into what was read
};

// All that are whole: brokers cut the last one off where the reader's limit is. kCorrupt: one has another sum than it
// says, a magic before Kafka 0.11, or lengths that can't be.
[[nodiscard]] Result<std::vector<Batch>> batches_in(std::string_view records);

// The values of a batch's records, null as "". REQUIRES: `records` are its records, unpacked, and live as long as the
// answer. kCorrupt: they are none.
[[nodiscard]] Result<std::vector<std::string_view>> values_of(std::string_view records, uint32_t count);

// A batch of values without keys, as a producer sends it.
struct NewBatch {
  std::vector<std::string> values;
  int64_t time_ms = 0;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t first_sequence = -1;
  bool transactional = false;
  Packing packing = Packing::kNone;
};
// REQUIRES: at least one value.
[[nodiscard]] std::string encode_batch(const NewBatch& batch);

}  // namespace freshet::cluster::protocol
