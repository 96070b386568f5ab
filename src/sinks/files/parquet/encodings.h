// How values lie in the pages of a Parquet file (apache/parquet-format, Encodings.md).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace freshet::sinks {

// What pages and footers call these encodings.
inline constexpr int32_t kEncodingPlain = 0, kEncodingRle = 3, kEncodingRleDictionary = 8;

// Bits for numbers below `count`; 1 at least, as some readers stumble over none.
[[nodiscard]] uint32_t bits_for(size_t count);

// Appends the numbers, each below 2^bits, as runs of one number and groups of eight packed ones: Parquet's RLE.
void append_rle(std::string& out, std::span<const uint32_t> numbers, uint32_t bits);

// Appends the lowest bytes of a number, the lowest first.
void append_little_endian(std::string& out, uint64_t number, size_t bytes);

// One bit for each of the bytes, which are 0 or 1: how booleans lie plainly.
void append_bits(std::string& out, std::string_view bytes);

}  // namespace freshet::sinks
