// Whether a text of UTF-8 is more than ASCII, and what stands in front of some. Pure.
#pragma once

#include <string_view>

namespace freshet {

// Whether all of it is ASCII.
[[nodiscard]] constexpr bool is_ascii(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  return true;
}

// `text` without a byte-order mark in front. RFC 8259 lets a parser ignore it, and .NET and PowerShell write it.
[[nodiscard]] constexpr std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

}  // namespace freshet
