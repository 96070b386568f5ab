// Runs and packed groups follow one another, each with a head that says which it is (its lowest bit) and how long. A
// reader takes whole groups, so only the last one of a page may have fewer numbers than it says.
#include "sinks/files/parquet/encodings.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "base/varint.h"

namespace freshet::sinks {
namespace {

constexpr size_t kGroup = 8;  // numbers that are packed are so many, or a multiple

// The numbers, packed without gaps from the lowest bit on; what is missing of the last group is zeros.
void append_packed(std::string& out, std::span<const uint32_t> numbers, uint32_t bits) {
  if (numbers.empty()) return;
  const size_t groups = (numbers.size() + kGroup - 1) / kGroup;
  append_varint(out, groups << 1 | 1);
  uint64_t waiting = 0;
  uint32_t waiting_bits = 0;
  for (size_t i = 0; i < groups * kGroup; ++i) {
    waiting |= uint64_t{i < numbers.size() ? numbers[i] : 0} << waiting_bits;
    for (waiting_bits += bits; waiting_bits >= 8; waiting_bits -= 8, waiting >>= 8) out += static_cast<char>(waiting);
  }
  FRESHET_ASSERT(waiting_bits == 0);
}

void append_run(std::string& out, uint32_t number, size_t count, uint32_t bits) {
  append_varint(out, count << 1);
  append_little_endian(out, number, (bits + 7) / 8);
}

}  // namespace

uint32_t bits_for(size_t count) { return count <= 1 ? 1 : static_cast<uint32_t>(std::bit_width(count - 1)); }

// Only the last of what is packed may be a part of a group, so a run gives away what the group before it lacks.
void append_rle(std::string& out, std::span<const uint32_t> numbers, uint32_t bits) {
  size_t packed_from = 0;
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[i]) ++end;
    const size_t begin = std::min(end, packed_from + (i - packed_from + kGroup - 1) / kGroup * kGroup);
    if (end - begin >= kGroup) {
      append_packed(out, numbers.subspan(packed_from, begin - packed_from), bits);
      append_run(out, numbers[i], end - begin, bits);
      packed_from = end;
    }
    i = end;
  }
  append_packed(out, numbers.subspan(packed_from), bits);
}

void append_little_endian(std::string& out, uint64_t number, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i, number >>= 8) out += static_cast<char>(number);
}

void append_bits(std::string& out, std::string_view bytes) {
  for (size_t i = 0; i < bytes.size(); i += 8) {
    uint32_t packed = 0;
    for (size_t bit = 0; bit < 8 && i + bit < bytes.size(); ++bit) packed |= (bytes[i + bit] != 0 ? 1u : 0u) << bit;
    out += static_cast<char>(packed);
  }
}

}  // namespace freshet::sinks
