// For tests of the plain reader: whether it says what the full parser says.
#pragma once

#include <string>
#include <string_view>

#include "yaml/plain.h"

namespace freshet::yaml {

// Deep, places included: a finding that points at another column is a difference.
inline bool same(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.quoted != b.quoted || a.at != b.at || a.text != b.text) return false;
  if (a.keys.size() != b.keys.size() || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.keys.size(); ++i) {
    if (!same(a.keys[i], b.keys[i])) return false;
  }
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!same(a.items[i], b.items[i])) return false;
  }
  return true;
}

// Of any text: what parse() returns and which problems it has are the same with the plain reader and without it.
inline bool plain_agrees(std::string_view text) {
  Problems with("f");
  Problems without("f");
  const auto a = parse(text, {}, with);
  const auto b = parse_without_plain(text, {}, without);
  return a.has_value() == b.has_value() && with.text() == without.text() && (!a || same(*a, *b));
}

}  // namespace freshet::yaml
