#include "fleet/topology_yaml.h"

#include <fstream>
#include <sstream>

#include "fleet/fields.h"
#include "fleet/resolve.h"
#include "yaml/reader.h"

namespace freshet::fleet {
namespace {

using yaml::MapReader;
using yaml::Node;
using yaml::Problems;

constexpr size_t kFileBytesMax = 64u << 20;

Where& where_of(Region& region) { return region.where; }
Where& where_of(Accepted& accepted) { return accepted.where; }
template <class Text>
Where& where_of(Text& text) {
  return text.value.where;
}

// The visitor of fleet/fields.h that reads one map.
class FieldReader {
 public:
  FieldReader(const Node& node, std::string path, Defaults& defaults, Where& where, Problems& problems)
      : map_(node, std::move(path), problems), defaults_(defaults), where_(where), problems_(problems) {
    where_ = {node.at, {}};
  }

  void text(const char* key, std::string& out, const NameRule& rule, std::string_view doc,
            Need need = Need::kOptional) {
    const Node* node = find(key, need, doc);
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
    const Node* node = find(key, Need::kOptional, doc);
    if (node != nullptr && yaml::read_count(*node, map_.path_of(key), min, max, problems_, value))
      out = static_cast<Count>(value);
  }

  void number(const char* key, double& out, double min, double max, std::string_view doc) {
    const Node* node = find(key, Need::kOptional, doc);
    if (node != nullptr) yaml::read_number(*node, map_.path_of(key), min, max, problems_, out);
  }

  void bytes(const char* key, uint64_t& out, uint64_t min, uint64_t max, std::string_view doc) {
    const Node* node = find(key, Need::kOptional, doc);
    if (node != nullptr) yaml::read_bytes(*node, map_.path_of(key), min, max, problems_, out);
  }

  void duration(const char* key, int64_t& out, int64_t min, int64_t max, std::string_view doc) {
    const Node* node = find(key, Need::kOptional, doc);
    if (node != nullptr) yaml::read_duration_us(*node, map_.path_of(key), min, max, problems_, out);
  }

  template <class E>
  void choice(const char* key, E& out, const std::vector<std::string>& names, std::string_view doc) {
    size_t index = 0;
    const Node* node = find(key, Need::kOptional, doc);
    if (node != nullptr && yaml::read_choice(*node, map_.path_of(key), names, problems_, index))
      out = static_cast<E>(index);
  }

  void texts(const char* key, std::vector<std::string>& out, std::string_view doc, Need need) {
    if (find(key, need, doc) == nullptr) return;
    out.clear();
    for (const Node* item : map_.texts(key)) out.push_back(item->text);
    if (need == Need::kRequired && out.empty())
      problems_.add(where_.of(key), map_.path_of(key) + ": must not be empty");
  }

  void ref(const char* key, Ref& out, std::string_view doc, Need need) {
    const Node* node = find(key, need, doc);
    if (node != nullptr && yaml::read_text(*node, map_.path_of(key), problems_, out.name)) out.at = node->at;
  }

  void refs(const char* key, std::vector<Ref>& out, std::string_view doc, Need need) {
    if (find(key, need, doc) == nullptr) return;
    for (const Node* item : map_.texts(key)) out.push_back({item->text, item->at});
    if (out.empty()) problems_.add(where_.of(key), map_.path_of(key) + ": must not be empty");
  }

  template <class T>
  void object(const char* key, T& out, Where& where, std::string_view doc) {
    const Node* node = find(key, Need::kOptional, doc);
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
    const Node* node = find(key, Need::kOptional, doc);
    if (node == nullptr) return;
    FieldReader reader(*node, map_.path_of(key), defaults_, where, problems_);
    describe_settings(reader, out);
    reader.finish();
  }

  template <class T>
  void list(const char* key, std::vector<T>& out, std::string_view doc) {
    if (find(key, Need::kOptional, doc) == nullptr) return;
    const std::vector<const Node*> items = map_.list(key);
    out.reserve(items.size());
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
  const Node* find(const char* key, Need need, std::string_view doc) {
    const Node* node = need == Need::kRequired ? map_.require(key, doc) : map_.find(key);
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

  MapReader map_;
  Defaults& defaults_;
  Where& where_;
  Problems& problems_;
};

}  // namespace

std::optional<Topology> parse_topology(std::string_view text, Problems& problems) {
  yaml::ParseOptions options;
  options.bytes_max = kFileBytesMax;
  const auto root = yaml::parse(text, options, problems);
  if (!root) return std::nullopt;
  FleetText fleet;
  FieldReader reader(*root, "", fleet.defaults, fleet.value.where, problems);
  describe(reader, fleet);
  reader.finish();
  Topology topology = resolve(std::move(fleet), problems);
  topology.file = problems.file();
  if (!problems.empty()) return std::nullopt;
  return topology;
}

std::optional<Topology> load_topology(const std::string& path, Problems& problems) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    problems.add({}, "can't be read, or is empty: it must be a description of a fleet (YAML)");
    return std::nullopt;
  }
  return parse_topology(text.str(), problems);
}

}  // namespace freshet::fleet
