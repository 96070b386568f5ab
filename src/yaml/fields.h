// What a file may say, described once for everything that needs to know. A description is a function template for each
// struct that a map of the file fills:
//
//   template <class V>
//   void describe(V& v, Region& region) {
//     v.text("name", region.name, kDnsName, "Name of the region", Need::kRequired);
//     v.count("brokers", region.brokers, 1, 1000, "Number of brokers");
//   }
//
// A visitor V is called with each key, where its value goes (which holds the default), what is allowed and what it
// means:
//   FieldReader   yaml/field_reader.h   reads the map; all that is wrong becomes problems
//   SchemaWriter  yaml/field_schema.h   writes the JSON Schema that editors check by
//   FieldTable    yaml/field_table.h    lists the keys with their values: tables of the documentation, and tests
// Its functions return whether the file gives the key and it is right: always false but for the reader. So
// `if (v.count(…, n, …)) rules.set_n(n);` is how a value gets to where no reference leads.
//
// A value that is not allowed stands for "not given": it is not shown as a default.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "yaml/node.h"

namespace freshet::yaml {

enum class Need : uint8_t { kOptional, kRequired };

// How many a list has; one that is required has one at least.
struct Items {
  static constexpr size_t kUnbounded = std::numeric_limits<size_t>::max();
  Items(Need need_in = Need::kOptional, size_t min_in = 0, size_t max_in = kUnbounded)  // NOLINT: meant to convert
      : need(need_in), min(need_in == Need::kRequired && min_in == 0 ? 1 : min_in), max(max_in) {}
  Need need;
  size_t min;
  size_t max;
};

// What a text must look like: as a regular expression of JSON Schema ("": whatever is not empty), in words, and as a
// function. The expression may take more than the function, never less.
struct TextRule {
  std::string_view pattern;
  std::string_view allowed;  // after "must be"
  bool (*fits)(std::string_view text);
};
extern const TextRule kAnyText;

// A name that stands for something else in the file.
struct Ref {
  std::string name;
  Place at;
  [[nodiscard]] bool given() const { return !name.empty(); }
};

// What an item of a list is described by, unless something else is given: its own description.
struct Described {
  template <class V, class T>
  void operator()(V& v, T& item) const {
    describe(v, item);
  }
};

// `doc` without the marks of Markdown: "[Standbys](workers.md): `1`" is "Standbys: 1".
[[nodiscard]] std::string plain_text(std::string_view doc);

}  // namespace freshet::yaml
