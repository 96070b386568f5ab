// Trees as text: the other direction of `yaml/node.h`, and short ways to build a tree. Same tree, same bytes.
//
// A scalar with `quoted` is text, whatever it looks like; without, it is a number, a boolean or another plain value and
// stands as it is. Places are not looked at. Pure; no errors: every tree has a text.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "yaml/node.h"

namespace freshet::yaml {

// The three kinds of scalars. A text stays a text, even if it reads "true" or "12".
[[nodiscard]] Node text(std::string_view value);
[[nodiscard]] Node plain(std::string value);  // as it is: REQUIRES one line that YAML reads as one plain scalar
// Text with a tag of the reader's, as "!unsafe" of Ansible. REQUIRES: "!" and letters.
[[nodiscard]] Node tagged(std::string_view tag, std::string_view value);
[[nodiscard]] Node number(double value);  // shortest that reads back; REQUIRES finite

// Values of C++ as nodes, so that map() and list() take them as they are.
[[nodiscard]] inline Node node(Node value) { return value; }
[[nodiscard]] inline Node node(bool value) { return plain(value ? "true" : "false"); }
[[nodiscard]] inline Node node(std::string_view value) { return text(value); }
[[nodiscard]] inline Node node(const char* value) { return text(value); }
template <std::integral T>
  requires(!std::same_as<T, bool>)
[[nodiscard]] Node node(T value) {
  return plain(std::to_string(value));
}
[[nodiscard]] inline Node node(double value) { return number(value); }

// Adds a key at the end; the order of keys is the order of the text. REQUIRES: a map that does not have it.
template <class T>
void put(Node& map, std::string_view key, T&& value) {
  map.keys.push_back(text(key));
  map.items.push_back(node(std::forward<T>(value)));
}

// map("a", 1, "b", "text", "c", list("x", "y"))
[[nodiscard]] inline Node map() { return Node{.kind = Node::Kind::kMap}; }
template <class... Rest>
[[nodiscard]] Node map(Rest&&... rest) {
  static_assert(sizeof...(rest) % 2 == 0, "a key, its value, a key, …");
  Node out = map();
  const auto add = [&out](auto& self, auto&& key, auto&& value, auto&&... more) -> void {
    put(out, key, std::forward<decltype(value)>(value));
    if constexpr (sizeof...(more) > 0) self(self, std::forward<decltype(more)>(more)...);
  };
  add(add, std::forward<Rest>(rest)...);
  return out;
}

// list("x", 2, map(…)); list_of() makes one of a vector.
template <class... Items>
[[nodiscard]] Node list(Items&&... items) {
  Node out{.kind = Node::Kind::kList};
  (out.items.push_back(node(std::forward<Items>(items))), ...);
  return out;
}
template <class T>
[[nodiscard]] Node list_of(const std::vector<T>& values) {
  Node out{.kind = Node::Kind::kList};
  for (const T& value : values) out.items.push_back(node(value));
  return out;
}

// One document in block style, two spaces a level, ending with a newline. Text that could be taken for something else
// (in YAML 1.1 or 1.2), or could break the line, is in double quotes; text of several printable lines is a literal
// block.
[[nodiscard]] std::string write(const Node& root);

}  // namespace freshet::yaml
