// Texts of UTF-8 byte by byte: where characters begin, what is more than ASCII, what stands in front of some. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/assert.h"

namespace freshet {

// Whether all of it is ASCII.
[[nodiscard]] constexpr bool is_ascii(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

// Whether a character begins at this byte: all others of a sequence are 10xxxxxx (RFC 3629).
[[nodiscard]] constexpr bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }

// Writes a code point as UTF-8. REQUIRES: it is one of Unicode.
inline void append_code_point(std::string& out, char32_t letter) {
  FRESHET_ASSERT(letter < 0x110000);
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (letter < 0x80) return put(letter);
  if (letter < 0x800) {
    put(0xc0 | letter >> 6);
  } else {
    if (letter < 0x10000) {
      put(0xe0 | letter >> 12);
    } else {
      put(0xf0 | letter >> 18);
      put(0x80 | (letter >> 12 & 0x3f));
    }
    put(0x80 | (letter >> 6 & 0x3f));
  }
  put(0x80 | (letter & 0x3f));
}

// `text` without a byte-order mark in front. RFC 8259 lets a parser ignore it, and .NET and PowerShell write it.
[[nodiscard]] constexpr std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

}  // namespace freshet
