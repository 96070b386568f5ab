// Names of an enum's values, as files and people write them: one table for both directions, which stands beside the
// enum:
//
//   enum class Color : uint8_t { kRed, kGreen };
//   [[nodiscard]] constexpr auto names_of(Color) {
//     return std::to_array<Name<Color>>({{Color::kRed, "red"}, {Color::kGreen, "green"}});
//   }
//
// It is found by the enum's namespace. A namespace that has a name_of() of its own needs `using freshet::name_of;`.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace freshet {

template <class E>
struct Name {
  E value;
  std::string_view text;
};

template <class E>
concept Named = requires { names_of(E{}); };

// "unknown": a value that is not in the table, as a stored or received one may be.
template <Named E>
[[nodiscard]] constexpr std::string_view name_of(E value) {
  for (const Name<E>& name : names_of(E{})) {
    if (name.value == value) return name.text;
  }
  return "unknown";
}

// nullopt: none is called so.
template <Named E>
[[nodiscard]] constexpr std::optional<E> parse_name(std::string_view text) {
  for (const Name<E>& name : names_of(E{})) {
    if (name.text == text) return name.value;
  }
  return std::nullopt;
}

// Every name, in the order of the table.
template <Named E>
[[nodiscard]] constexpr auto all_names() {
  constexpr auto kTable = names_of(E{});
  std::array<std::string_view, kTable.size()> texts;
  for (size_t i = 0; i < texts.size(); ++i) texts[i] = kTable[i].text;
  return texts;
}

}  // namespace freshet
