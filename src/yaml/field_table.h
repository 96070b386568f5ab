// The visitor of a description (yaml/fields.h) that lists its keys with what is allowed and with the values that they
// have: of a fresh configuration these are the defaults, for documents; of one that was read, what it says, for tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/names.h"
#include "base/nearest.h"
#include "yaml/fields.h"

namespace freshet::yaml {

struct FieldRow {
  std::string key;      // "log.kafka.brokers", "tenants[].name": with the keys that lead to it
  std::string value;    // as the file has it; "": none
  std::string allowed;  // in words
  std::string doc;      // Markdown
  Need need = Need::kOptional;
  bool available = true;  // false: `doc` says why not
};

class FieldTable {
 public:
  explicit FieldTable(std::string path = "") : path_(std::move(path)) {}

  bool text(std::string_view key, const std::string& value, const TextRule& rule, std::string_view doc,
            Need need = Need::kOptional);
  template <class Count>
  bool count(std::string_view key, Count value, uint64_t min, uint64_t max, std::string_view doc) {
    return whole(key, value, min, max, doc);
  }
  bool number(std::string_view key, double value, double min, double max, std::string_view doc);
  bool bytes(std::string_view key, uint64_t value, uint64_t min, uint64_t max, std::string_view doc);
  bool duration(std::string_view key, int64_t value, int64_t min, int64_t max, std::string_view doc);
  template <Named E>
  bool choice(std::string_view key, E value, std::string_view doc) {
    return add(key, std::string(name_of(value)), one_of(all_names<E>()), doc, Need::kOptional);
  }
  template <Named E>
  bool choices(std::string_view key, const std::vector<E>& value, std::string_view doc, Items items) {
    std::vector<std::string_view> names;
    for (const E each : value) names.push_back(name_of(each));
    return add(key, list_text(names), "list of " + one_of(all_names<E>()), doc, items.need);
  }
  bool texts(std::string_view key, const std::vector<std::string>& value, const TextRule& rule, std::string_view doc,
             Items items = {});
  bool ref(std::string_view key, const Ref& value, std::string_view doc, Need need);
  bool refs(std::string_view key, const std::vector<Ref>& value, std::string_view doc, Items items);
  template <class Describe>
  bool section(std::string_view key, std::string_view, const Describe& describe_inner, Need = Need::kOptional,
               const Where* = nullptr) {
    FieldTable inner(path_ + std::string(key) + ".");
    describe_inner(inner);
    return take(inner);
  }
  template <class T, class Describe = Described>
  bool list(std::string_view key, std::vector<T>& value, std::string_view doc, Items items = {}, T fresh = {},
            const Describe& describe_item = {}) {
    add(key, value.empty() ? "" : std::to_string(value.size()), "list of maps", doc, items.need);
    if (value.empty()) value.push_back(fresh);  // its keys, with their defaults
    FieldTable inner(path_ + std::string(key) + "[].");
    for (T& item : value) describe_item(inner, item);
    return take(inner);
  }
  template <class Describe>
  bool map(std::string_view key, std::string_view called, std::string_view value, std::string_view doc,
           const Describe& describe_entry) {
    FieldTable inner;
    describe_entry(inner, std::string(called));
    return add(key, std::string(value), "map of `" + std::string(called) + "`: " + inner.rows_.back().allowed, doc,
               Need::kOptional);
  }
  template <class Read>
  bool custom(std::string_view key, void (*)(JsonWriter&), std::string_view allowed, std::string_view value,
              std::string_view doc, const Read&) {
    return add(key, std::string(value), std::string(allowed), doc, Need::kOptional);
  }
  void exactly_one_of(const NameList&) {}
  void unavailable(std::string_view key, std::string_view why);

  [[nodiscard]] const std::vector<FieldRow>& rows() const { return rows_; }

 private:
  bool whole(std::string_view key, uint64_t value, uint64_t min, uint64_t max, std::string_view doc);
  static std::string one_of(const NameList& names);
  static std::string list_text(const NameList& names);
  bool add(std::string_view key, std::string value, std::string allowed, std::string_view doc, Need need);
  bool take(const FieldTable& inner);

  std::string path_;
  std::vector<FieldRow> rows_;
};

// A table in Markdown of the keys that begin with `prefix`, without it; of lists inside of these only their own rows.
[[nodiscard]] std::string markdown_of(const std::vector<FieldRow>& rows, std::string_view prefix);

}  // namespace freshet::yaml
