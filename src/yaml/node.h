// YAML text as a tree that remembers where everything stands, so that whatever is wrong with it can be answered with
// file, line and column. Anchors, aliases, custom tags and several documents are refused: a tree is never larger than
// its text (no "billion laughs"). Built on yaml-cpp's event interface; the only place that includes its headers.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/names.h"

namespace freshet::yaml {

struct Place {
  uint32_t line = 1;  // from 1
  uint32_t column = 1;
  auto operator<=>(const Place&) const = default;
};

// A value of the tree. It owns all below it. Scalars stay text: what "1" or "yes" means is for whoever reads the key.
struct Node {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  bool quoted = false;  // a scalar in quotes: text, whatever it looks like
  Place at = {};
  std::string text = {};         // kScalar
  std::vector<Node> keys = {};   // kMap: scalars, in the order of the text, all different
  std::vector<Node> items = {};  // kMap: items[i] belongs to keys[i]; kList: the items

  [[nodiscard]] const Node* find(std::string_view key) const;  // null: no such key, or not a map
  // The value inside of maps of maps; null: it is not there.
  [[nodiscard]] const Node* find(std::initializer_list<std::string_view> path) const;
  // Where that value stands; of what is not there: the innermost map that is.
  [[nodiscard]] Place place_of(std::initializer_list<std::string_view> path) const;
};

// In words, for messages.
[[nodiscard]] constexpr auto names_of(Node::Kind) {
  using enum Node::Kind;
  return std::to_array<Name<Node::Kind>>(
      {{kNull, "nothing"}, {kScalar, "a single value"}, {kList, "a list"}, {kMap, "a map"}});
}

// Where a map and its keys' values stand, for whoever keeps no tree. `keys` has what was written, not what has a
// default: so a finding can point at the value that causes it, and at the map if a default does.
struct Where {
  Place at;
  std::vector<std::pair<std::string_view, Place>> keys;  // those that are there; the names outlive it

  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] Place of(std::string_view key) const;  // `at`, if the key is not there
};

// Everything wrong with one file, gathered so that one run shows all of it.
struct Problem {
  Place at = {};
  std::string message;
};

inline constexpr size_t kProblemsMax = 1000;

// Keeps the first `most`. Not thread-safe; one for each file that is read.
class Problems {
 public:
  explicit Problems(std::string file, size_t most = kProblemsMax) : file_(std::move(file)), most_(most) {}
  void add(Place at, std::string message) {
    if (!full()) list_.push_back({at, std::move(message)});
  }
  [[nodiscard]] bool empty() const { return list_.empty(); }
  // Whoever may find many more stops looking.
  [[nodiscard]] bool full() const { return list_.size() >= most_; }
  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] std::vector<Problem> sorted() const;  // by place
  // "file:line:column: message", one a line, sorted; the last one says if it is full
  [[nodiscard]] std::string text() const;

 private:
  std::string file_;
  size_t most_;
  std::vector<Problem> list_;
};

// Value of an environment variable; nullopt: not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct ParseOptions {
  size_t bytes_max = 4u << 20;
  // Brackets, braces, commas and colons. Whoever parses text of strangers sets it: a parser makes a token of each, of a
  // hundred bytes and more.
  size_t structure_max = SIZE_MAX;
  // If set, ${NAME} in scalars (also unquoted ones in braces) becomes the variable's value, taken as text and never
  // parsed as YAML; an unset variable is a problem; $${ stands for ${.
  Environment environment;
};

// Null: the text is not what we take for YAML; `problems` says why. An empty text is a kNull node. A tree with unset
// variables or repeated keys is returned, together with problems.
[[nodiscard]] std::optional<Node> parse(std::string_view text, const ParseOptions& options, Problems& problems);

}  // namespace freshet::yaml
