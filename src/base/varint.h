// Whole numbers in as few bytes as they need: seven bits a byte, the lowest first, and the highest bit of a byte says
// that another one follows. Protobuf, Kafka and Thrift have them so. Reading them stands where they are read, because
// how long one may be, and what is wrong with one that is longer, is each format's own.
#pragma once

#include <cstdint>
#include <string>

namespace freshet {

inline void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Zig-zag: 0, -1, 1, -2, … take turns, so that small numbers of both signs are short.
[[nodiscard]] constexpr uint64_t zigzag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}
[[nodiscard]] constexpr int64_t from_zigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

}  // namespace freshet
