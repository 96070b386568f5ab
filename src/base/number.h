// Numbers of texts, as every machine reads them: the C library's functions ask the locale, and take "12abc" for 12.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace freshet {

// The number that the whole text is, without a blank or a + around it. nullopt: it is none, or does not fit.
template <class Number>
[[nodiscard]] std::optional<Number> to_number(std::string_view text) {
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// The same of hexadecimal digits, in either case.
template <std::unsigned_integral Number>
[[nodiscard]] std::optional<Number> hex_to_number(std::string_view text) {
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace freshet
