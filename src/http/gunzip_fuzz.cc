// gunzip: whatever the bytes, either refused or within the bound.
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "http/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 64 << 10;
  const auto out = freshet::http::gunzip({reinterpret_cast<const char*>(data), size}, kBytesMax);
  if (out && *out) FRESHET_ASSERT((*out)->size() <= kBytesMax);
  return 0;
}
