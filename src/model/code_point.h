// Characters of UTF-8 where identifiers are compared and digits are read. Private to the module.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/assert.h"
#include "base/utf8.h"

namespace freshet::model {

// A code point of UTF-8, and how many bytes it takes. A byte that begins none is one of its own, so that whatever is
// read is also written.
struct CodePoint {
  char32_t letter = 0;
  size_t bytes = 1;
};

[[nodiscard]] inline CodePoint code_point(std::string_view text) {
  FRESHET_ASSERT(!text.empty());
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const char32_t first = byte(0);
  const size_t bytes = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;
  if (bytes == 1 || text.size() < bytes) return {first, 1};
  char32_t letter = first & (0x7fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if (begins_character(text[i])) return {first, 1};
    letter = letter << 6 | (byte(i) & 0x3fu);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // of so many bytes
  if (letter < kLeast[bytes] || letter > 0x10ffff) return {first, 1};
  return {letter, bytes};
}

// What has no width: forms and newsletter tools leave it in, and nobody sees it.
[[nodiscard]] constexpr bool is_invisible(char32_t c) {
  return c == 0xad || c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

// Unicode's blanks (White_Space) beyond ASCII, and what has no width.
[[nodiscard]] constexpr bool is_padding(char32_t c) {
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
         c == 0x202f || c == 0x205f || c == 0x3000 || is_invisible(c);
}

// Of a full-width letter or sign (U+FF01 to U+FF5E) the one of ASCII; '\0': it is none. Keyboards of Japanese and
// Chinese write them.
[[nodiscard]] constexpr char narrow_form(char32_t c) {
  return c >= 0xff01 && c <= 0xff5e ? static_cast<char>('!' + (c - 0xff01)) : '\0';
}

}  // namespace freshet::model
