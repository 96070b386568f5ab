// The visitor of fleet/fields.h that reads one map of fleet.yaml. Private to src/fleet.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fleet/fields.h"
#include "yaml/reader.h"

namespace freshet::fleet {

inline Where& where_of(Region& region) { return region.where; }
inline Where& where_of(Accepted& accepted) { return accepted.where; }
template <class Text>
Where& where_of(Text& text) {
  return text.value.where;
}

// The visitor of fleet/fields.h that reads one map.
class FieldReader {
 public:
  // With `all_optional` nothing has to be there. `where` becomes where the map and its keys stand.
  FieldReader(const yaml::Node& node, std::string path, Defaults& defaults, Where& where, yaml::Problems& problems,
              bool all_optional = false)
      : map_(node, std::move(path), problems),
        defaults_(defaults),
        where_(where),
        problems_(problems),
        all_optional_(all_optional) {
    where_ = {node.at, {}};
  }

  void text(const char* key, std::string& out, const NameRule& rule, std::string_view doc,
            Need need = Need::kOptional) {
    const yaml::Node* node = find(key, need, doc);
    std::string name;
    if (node == nullptr || !yaml::read_text(*node, map_.path_of(key), problems_, name)) return;
    if (!rule.fits(name)) {
      problems_.add(node->at, map_.path_of(key) + ": must be " + std::string(rule.allowed));
      return;
    }
    out = std::move(name);
  }

  template <class Count>
  void count(const char* key, Count& out, uint64_t min, uint64_t max, std::string_view doc) {
    uint64_t value = 0;
    const yaml::Node* node = find(key, Need::kOptional, doc);
    if (node != nullptr && yaml::read_count(*node, map_.path_of(key), min, max, problems_, value))
      out = static_cast<Count>(value);
  }

  void number(const char* key, double& out, double min, double max, std::string_view doc) {
    const yaml::Node* node = find(key, Need::kOptional, doc);
    if (node != nullptr) yaml::read_number(*node, map_.path_of(key), min, max, problems_, out);
  }

  void bytes(const char* key, uint64_t& out, uint64_t min, uint64_t max, std::string_view doc) {
    const yaml::Node* node = find(key, Need::kOptional, doc);
    if (node != nullptr) yaml::read_bytes(*node, map_.path_of(key), min, max, problems_, out);
  }

  void duration(const char* key, int64_t& out, int64_t min, int64_t max, std::string_view doc) {
    const yaml::Node* node = find(key, Need::kOptional, doc);
    if (node != nullptr) yaml::read_duration_us(*node, map_.path_of(key), min, max, problems_, out);
  }

  template <class E>
  void choice(const char* key, E& out, const std::vector<std::string>& names, std::string_view doc) {
    size_t index = 0;
    const yaml::Node* node = find(key, Need::kOptional, doc);
    if (node != nullptr && yaml::read_choice(*node, map_.path_of(key), names, problems_, index))
      out = static_cast<E>(index);
  }

  void texts(const char* key, std::vector<std::string>& out, std::string_view doc, Need need) {
    if (find(key, need, doc) == nullptr) return;
    out.clear();
    for (const yaml::Node* item : map_.texts(key)) out.push_back(item->text);
    if (need == Need::kRequired && out.empty())
      problems_.add(where_.of(key), map_.path_of(key) + ": must not be empty");
  }

  void ref(const char* key, Ref& out, std::string_view doc, Need need) {
    const yaml::Node* node = find(key, need, doc);
    if (node != nullptr && yaml::read_text(*node, map_.path_of(key), problems_, out.name)) out.at = node->at;
  }

  void refs(const char* key, std::vector<Ref>& out, std::string_view doc, Need need) {
    if (find(key, need, doc) == nullptr) return;
    for (const yaml::Node* item : map_.texts(key)) out.push_back({item->text, item->at});
    if (out.empty()) problems_.add(where_.of(key), map_.path_of(key) + ": must not be empty");
  }

  template <class T>
  void object(const char* key, T& out, Where& where, std::string_view doc) {
    const yaml::Node* node = find(key, Need::kOptional, doc);
    if (node == nullptr) return;
    // `where` may be this map's own: then it stays.
    Where inner;
    FieldReader reader(*node, map_.path_of(key), defaults_, inner, problems_);
    describe(reader, out);
    reader.finish();
    if (&where != &where_) where = std::move(inner);
  }

  template <class T>
  void settings(const char* key, T& out, Where& where, std::string_view doc) {
    const yaml::Node* node = find(key, Need::kOptional, doc);
    if (node == nullptr) return;
    FieldReader reader(*node, map_.path_of(key), defaults_, where, problems_);
    describe_settings(reader, out);
    reader.finish();
  }

  template <class T>
  void list(const char* key, std::vector<T>& out, std::string_view doc, Need need = Need::kOptional) {
    if (find(key, need, doc) == nullptr) return;
    const std::vector<const yaml::Node*> items = map_.list(key);
    out.reserve(items.size());
    if (need == Need::kRequired && items.empty())
      problems_.add(where_.of(key), map_.path_of(key) + ": must not be empty");
    for (size_t i = 0; i < items.size(); ++i) {
      T& item = out.emplace_back(fresh(static_cast<const T*>(nullptr)));
      FieldReader reader(*items[i], map_.path_of(key) + "[" + std::to_string(i) + "]", defaults_, where_of(item),
                         problems_);
      describe(reader, item);
      reader.finish();
    }
  }

  void finish() { map_.finish(); }

 private:
  const yaml::Node* find(const char* key, Need need, std::string_view doc) {
    const yaml::Node* node = need == Need::kRequired && !all_optional_ ? map_.require(key, doc) : map_.find(key);
    if (node != nullptr) where_.keys.emplace_back(key, node->at);
    return node;
  }

  template <class T>
  T fresh(const T*) {
    return {};
  }
  ClusterText fresh(const ClusterText*) { return defaults_.cluster; }
  TopicText fresh(const TopicText*) { return defaults_.topic; }
  ProducerText fresh(const ProducerText*) { return defaults_.producer; }

  yaml::MapReader map_;
  Defaults& defaults_;
  Where& where_;
  yaml::Problems& problems_;
  bool all_optional_;
};

}  // namespace freshet::fleet
