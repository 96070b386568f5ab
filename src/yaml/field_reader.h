// The visitor of a description (yaml/fields.h) that reads one map.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "base/names.h"
#include "yaml/fields.h"
#include "yaml/reader.h"

namespace freshet::yaml {

enum class Missing : uint8_t { kRefused, kAllowed };  // keys that are required and not there

class FieldReader {
 public:
  // What is wrong is added to `problems`. `where`, if given, becomes where the map and its keys stand. All outlive it.
  FieldReader(const Node& node, std::string path, Problems& problems, Where* where = nullptr,
              Missing missing = Missing::kRefused);

  bool text(std::string_view key, std::string& out, const TextRule& rule, std::string_view doc,
            Need need = Need::kOptional);
  template <class Count>
  bool count(std::string_view key, Count& out, uint64_t min, uint64_t max, std::string_view doc) {
    uint64_t value = 0;
    if (!read_whole(key, min, max, doc, value)) return false;
    out = static_cast<Count>(value);
    return true;
  }
  bool number(std::string_view key, double& out, double min, double max, std::string_view doc);
  bool bytes(std::string_view key, uint64_t& out, uint64_t min, uint64_t max, std::string_view doc);
  bool duration(std::string_view key, int64_t& out, int64_t min, int64_t max, std::string_view doc);
  template <Named E>
  bool choice(std::string_view key, E& out, std::string_view doc) {
    const Node* node = find(key, Need::kOptional, doc);
    return node != nullptr && read_choice(*node, path_of(key), problems_, out);
  }
  // A list of names of an enum.
  template <Named E>
  bool choices(std::string_view key, std::vector<E>& out, std::string_view doc, Items items) {
    std::vector<const Node*> nodes;
    if (!list_of(key, doc, items, ItemsAre::kTexts, nodes)) return false;
    out.clear();
    for (const Node* node : nodes) {
      E value{};
      if (read_choice(*node, path_of(key), problems_, value)) out.push_back(value);
    }
    return true;
  }
  bool texts(std::string_view key, std::vector<std::string>& out, const TextRule& rule, std::string_view doc,
             Items items = {});
  bool ref(std::string_view key, Ref& out, std::string_view doc, Need need);
  bool refs(std::string_view key, std::vector<Ref>& out, std::string_view doc, Items items);

  // A map inside: describe_inner(visitor).
  template <class Describe>
  bool section(std::string_view key, std::string_view doc, const Describe& describe_inner, Need need = Need::kOptional,
               Where* where = nullptr) {
    const Node* node = find(key, need, doc);
    if (node == nullptr) return false;
    FieldReader inner(*node, path_of(key), problems_, where);
    describe_inner(inner);
    inner.finish();
    return inner.map_.is_map();
  }
  // A list of maps: describe_item(visitor, item), where each item begins as `fresh`. An item T may have where_of(item).
  template <class T, class Describe = Described>
  bool list(std::string_view key, std::vector<T>& out, std::string_view doc, Items items = {}, const T& fresh = {},
            const Describe& describe_item = {}) {
    std::vector<const Node*> nodes;
    if (!list_of(key, doc, items, ItemsAre::kMaps, nodes)) return false;
    out.clear();
    out.reserve(nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
      T& item = out.emplace_back(fresh);
      Where* where = nullptr;
      if constexpr (requires { where_of(item); }) where = &where_of(item);
      FieldReader inner(*nodes[i], path_of(key) + "[" + std::to_string(i) + "]", problems_, where);
      describe_item(inner, item);
      inner.finish();
    }
    return true;
  }
  // A map whose keys are names of the file's own, which `called` stands for in documents: describe_entry(visitor, name)
  // for each, which describes the key `name`. `value`: what it is by default, as text.
  template <class Describe>
  bool map(std::string_view key, std::string_view /*called*/, std::string_view /*value*/, std::string_view doc,
           const Describe& describe_entry) {
    return section(key, doc, [&](FieldReader& inner) {
      for (const Node& name : inner.node_.keys) describe_entry(inner, name.text);
    });
  }
  // What no other function is for: read(node, path, problems). schema(json) writes the members of its JSON Schema.
  template <class Read>
  bool custom(std::string_view key, void (* /*schema*/)(JsonWriter&), std::string_view /*allowed*/,
              std::string_view /*value*/, std::string_view doc, const Read& read) {
    const Node* node = find(key, Need::kOptional, doc);
    if (node == nullptr) return false;
    read(*node, path_of(key), problems_);
    return true;
  }
  void exactly_one_of(const NameList& keys);
  // A key that will be there one day, and has no effect yet; `why` after "KEY: ".
  void unavailable(std::string_view key, std::string_view why) { map_.refuse(std::string(key), why); }

  // After the description: makes problems of all other keys.
  void finish() { map_.finish(); }

 private:
  enum class ItemsAre : uint8_t { kTexts, kMaps };

  const Node* find(std::string_view key, Need need, std::string_view doc);
  [[nodiscard]] std::string path_of(std::string_view key) const { return map_.path_of(std::string(key)); }
  bool read_whole(std::string_view key, uint64_t min, uint64_t max, std::string_view doc, uint64_t& out);
  // The list's items; false: it is not there.
  bool list_of(std::string_view key, std::string_view doc, Items items, ItemsAre are, std::vector<const Node*>& out);

  const Node& node_;
  MapReader map_;
  Problems& problems_;
  Where* where_;
  Missing missing_;
};

}  // namespace freshet::yaml
