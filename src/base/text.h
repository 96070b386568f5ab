// Characters and blanks of ASCII text. The C library's functions ask the locale, which would make
// the same bytes mean another thing on another machine.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace freshet {

// One of 0 to 9.
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

[[nodiscard]] constexpr bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
[[nodiscard]] constexpr bool is_letter_or_digit(char c) { return is_letter(c) || is_digit(c); }

// Whether a name in a program may have this character: a letter, a digit or an underscore.
[[nodiscard]] constexpr bool is_name_char(char c) { return is_letter_or_digit(c) || c == '_'; }

// With A to Z as a to z.
[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// With a question mark for every control character and every byte outside ASCII: what somebody else has named may be no
// valid UTF-8, which JSON needs, and such names are rare.
[[nodiscard]] inline std::string plain_ascii(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x80) c = '?';
  return text;
}

// `text` without the `blanks` at both ends.
[[nodiscard]] constexpr std::string_view trim(std::string_view text, std::string_view blanks = " \t") {
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// With %XX for every byte that is neither unreserved in addresses (RFC 3986, section 2.3: letters, digits, - . _ ~) nor
// one of `kept`.
[[nodiscard]] inline std::string percent_encode(std::string_view text, std::string_view kept = {}) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kMarks = "-._~";
  std::string out;
  for (const char c : text) {
    if (is_letter_or_digit(c) || kMarks.find(c) != std::string_view::npos || kept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return out;
}

// "a, b, c": texts, or whole numbers.
template <typename Items>
[[nodiscard]] std::string joined(const Items& items, std::string_view between) {
  std::string out;
  for (bool first = true; const auto& item : items) {
    if (!first) out += between;
    first = false;
    if constexpr (std::integral<std::remove_cvref_t<decltype(item)>>) {
      out += std::to_string(item);
    } else {
      out += item;
    }
  }
  return out;
}

}  // namespace freshet
