// What no name and no identifier may have. Pure. Private to the folder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace freshet::ingest {

// U+FFFD: what had another letter there may have been anybody's.
[[nodiscard]] inline bool has_lost_character(std::string_view text) {
  return text.find("\xef\xbf\xbd") != std::string_view::npos;
}

// Control characters in names and identifiers break logs, keys and terminals, and no sender means
// them. Eight bytes at a time, as every name of a property comes by here: below 0x20 a subtraction borrows into the
// highest bit of a byte that has not set it; 0x7f is zero after an exclusive or.
[[nodiscard]] inline bool has_control(std::string_view text) {
  constexpr uint64_t kEach = 0x0101010101010101, kHighest = kEach << 7;
  while (text.size() >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, text.data(), sizeof word);
    const uint64_t other = word ^ (kEach * 0x7f);
    if ((((word - kEach * 0x20) & ~word) | ((other - kEach) & ~other)) & kHighest) return true;
    text.remove_prefix(sizeof word);
  }
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace freshet::ingest
