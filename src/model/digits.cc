#include "model/digits.h"

#include <algorithm>
#include <array>

#include "model/code_point.h"

namespace freshet::model {
namespace {

// The zeros of all scripts to U+FFFF (Unicode's category Nd); each has its ten digits in a row.
constexpr std::array<char16_t, 36> kZeros = {0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6,
                                             0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090,
                                             0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
                                             0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10};

// '\0': it has none.
char ascii_form(char32_t c) {
  const auto* const above = std::upper_bound(kZeros.begin(), kZeros.end(), c);
  if (above != kZeros.begin() && c - *(above - 1) < 10) return static_cast<char>('0' + (c - *(above - 1)));
  return narrow_form(c);
}

}  // namespace

std::string with_ascii_digits(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint c = code_point(text);
    if (const char ascii = c.bytes > 1 ? ascii_form(c.letter) : '\0'; ascii != '\0') {
      out += ascii;
    } else {
      out.append(text.substr(0, c.bytes));
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

}  // namespace freshet::model
