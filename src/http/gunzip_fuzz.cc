// gunzip: whatever the bytes, either refused or within the bound.
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "http/text.h"
#include "http/undeflate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 64 << 10;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const auto& out : {freshet::http::gunzip(body, kBytesMax), freshet::http::undeflate(body, kBytesMax)})
    if (out && *out) FRESHET_ASSERT((*out)->size() <= kBytesMax);
  return 0;
}
