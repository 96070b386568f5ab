// Any bytes: next_record ends, stays inside the buffer, and what it accepted is what RecordBatch writes.
#include <cstdint>

#include "base/assert.h"
#include "eventlog/event_log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace freshet::eventlog;
  const std::string_view whole(reinterpret_cast<const char*>(bytes), size);
  std::string_view data = whole, key, value;
  RecordBatch copy;
  bool corrupt = false;
  while (next_record(data, key, value, &corrupt)) {
    FRESHET_ASSERT(!corrupt && key.size() + value.size() <= size);
    copy.add(key, value);
  }
  FRESHET_ASSERT(corrupt || data.empty());

  std::string_view again = copy.data(), key2, value2;
  size_t count = 0;
  bool corrupt2 = false;
  while (next_record(again, key2, value2, &corrupt2)) ++count;
  FRESHET_ASSERT(!corrupt2 && count == copy.count());
  // Overlong sizes are read but not written, so the copy is never longer.
  FRESHET_ASSERT(copy.bytes() <= size);
  return 0;
}
