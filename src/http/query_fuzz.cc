// parse_query and percent_decode: whatever the bytes, either refused or decoded to no more than was sent.
#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "http/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool query : {false, true}) {
    const auto decoded = freshet::http::percent_decode(text, query);
    if (decoded) FRESHET_ASSERT(decoded->size() <= size);
  }
  const auto parameters = freshet::http::parse_query(text);
  if (parameters) {
    size_t sum = 0;
    for (const auto& [name, value] : *parameters) sum += name.size() + value.size();
    FRESHET_ASSERT(sum <= size);
  }
  return 0;
}
