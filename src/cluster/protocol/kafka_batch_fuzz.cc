// Any bytes as batches, and any bytes as what a codec packed: reading ends, stays inside and within its bound.
#include <cstdint>

#include "base/assert.h"
#include "cluster/protocol/record_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace freshet::cluster::protocol;
  constexpr size_t kBytesMax = 1 << 16;
  if (size < 1) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  if (const auto batches = batches_in(rest)) {
    for (const Batch& batch : *batches) {
      const auto records = unpack(batch.packing, batch.packed, kBytesMax);
      FRESHET_ASSERT(!records || records->size() <= kBytesMax);
      if (records) static_cast<void>(values_of(*records, batch.records % 100));
    }
  }
  const auto unpacked = unpack(static_cast<Packing>(bytes[0] % 5), rest, kBytesMax);
  FRESHET_ASSERT(!unpacked || unpacked->size() <= kBytesMax);
  static_cast<void>(values_of(rest, 10));
  return 0;
}
