// Numbers whose order as bytes is that of their values: for keys of stores, and for what is hashed.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"

namespace freshet {

template <std::unsigned_integral Number>
void append_big_endian(std::string& out, Number number) {
  for (int shift = 8 * static_cast<int>(sizeof number) - 8; shift >= 0; shift -= 8)
    out += static_cast<char>(number >> shift & 0xff);
}

// The number in front of `bytes`. REQUIRES: there are as many as it has.
template <std::unsigned_integral Number>
[[nodiscard]] Number read_big_endian(std::string_view bytes) {
  FRESHET_ASSERT(bytes.size() >= sizeof(Number));
  uint64_t out = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) out = out << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<Number>(out);
}

}  // namespace freshet
