// The visitor of a description (yaml/fields.h) that writes the JSON Schema (draft 2020-12) of a map, for editors. It
// accepts all that the reader accepts; what depends on several keys, and units' bounds, only the reader knows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/names.h"
#include "base/nearest.h"
#include "yaml/fields.h"

namespace freshet::yaml {

class SchemaWriter {
 public:
  // Whether a value may be "${NAME}" instead (ParseOptions::environment).
  enum class Variables : uint8_t { kNone, kAllowed };
  explicit SchemaWriter(Variables variables = Variables::kNone) : variables_(variables) { properties_.begin_object(); }

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
    return one_of(key, all_names<E>(), name_of(value), doc);
  }
  template <Named E>
  bool choices(std::string_view key, const std::vector<E>&, std::string_view doc, Items items) {
    return some_of(key, all_names<E>(), doc, items);
  }
  bool texts(std::string_view key, const std::vector<std::string>& value, const TextRule& rule, std::string_view doc,
             Items items = {});
  bool ref(std::string_view key, const Ref& value, std::string_view doc, Need need);
  bool refs(std::string_view key, const std::vector<Ref>& value, std::string_view doc, Items items);
  template <class Describe>
  bool section(std::string_view key, std::string_view doc, const Describe& describe_inner, Need need = Need::kOptional,
               const Where* = nullptr) {
    SchemaWriter inner(variables_);
    describe_inner(inner);
    begin(key, doc, need);
    inner.end(properties_);
    return end_property();
  }
  template <class T, class Describe = Described>
  bool list(std::string_view key, const std::vector<T>&, std::string_view doc, Items items = {}, T fresh = {},
            const Describe& describe_item = {}) {
    SchemaWriter inner(variables_);
    describe_item(inner, fresh);
    begin(key, doc, items.need);
    begin_items(items);
    inner.end(properties_);
    properties_.end_object();
    return end_property();
  }
  template <class Describe>
  bool map(std::string_view key, std::string_view called, std::string_view, std::string_view doc,
           const Describe& describe_entry) {
    SchemaWriter inner(variables_);
    describe_entry(inner, std::string(called));
    begin(key, doc, Need::kOptional);
    properties_.member("type", "object")
        .key("additionalProperties")
        .raw(std::string_view(inner.text_).substr(inner.last_));
    inner.properties_.end_object();
    return end_property();
  }
  template <class Read>
  bool custom(std::string_view key, void (*schema)(JsonWriter&), std::string_view, std::string_view,
              std::string_view doc, const Read&) {
    begin(key, doc, Need::kOptional);
    schema(properties_);
    return end_property();
  }
  void exactly_one_of(const NameList& keys);
  void unavailable(std::string_view key, std::string_view why);

  // Writes the members of the map's schema; the last call.
  void end(JsonWriter& json);

 private:
  bool whole(std::string_view key, uint64_t value, uint64_t min, uint64_t max, std::string_view doc);
  bool one_of(std::string_view key, const NameList& names, std::string_view value, std::string_view doc);
  bool some_of(std::string_view key, const NameList& names, std::string_view doc, Items items);
  void begin(std::string_view key, std::string_view doc, Need need);
  void begin_items(Items items);
  bool end_property();
  // A single value: write() writes the members of its schema.
  template <class Write>
  void scalar(const Write& write);

  const Variables variables_;
  std::string text_;
  JsonWriter properties_{text_};
  size_t last_ = 0;  // where the last property's schema begins in text_
  std::vector<std::string> required_;
  std::vector<std::string> one_of_;
};

// The schema of a file, made of the members of its map.
[[nodiscard]] std::string schema_file(std::string_view title, SchemaWriter& root);

}  // namespace freshet::yaml
