// What others may have written into the capture's own topic, as a position.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "capture/position.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet::capture;  // NOLINT
  const auto position = decode_position({reinterpret_cast<const char*>(data), size});
  if (position) FRESHET_ASSERT(decode_position(encode(*position)) == *position);
  return 0;
}
