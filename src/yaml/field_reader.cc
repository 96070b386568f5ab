// A key is marked as known when it is looked for, also where it is absent: finish() then finds the unknown ones.
#include "yaml/field_reader.h"

#include <algorithm>

namespace freshet::yaml {

FieldReader::FieldReader(const Node& node, std::string path, Problems& problems, Where* where, Missing missing)
    : node_(node), map_(node, std::move(path), problems), problems_(problems), where_(where), missing_(missing) {
  if (where_ != nullptr) *where_ = {node.at, {}};
}

const Node* FieldReader::find(std::string_view key, Need need, std::string_view doc) {
  const std::string name(key);
  const bool required = need == Need::kRequired && missing_ == Missing::kRefused;
  const Node* node = required ? map_.require(name, plain_text(doc)) : map_.find(name);
  if (node != nullptr && where_ != nullptr) where_->keys.emplace_back(key, node->at);
  return node;
}

bool FieldReader::text(std::string_view key, std::string& out, const TextRule& rule, std::string_view doc, Need need) {
  const Node* node = find(key, need, doc);
  std::string value;
  if (node == nullptr || !read_text(*node, path_of(key), problems_, value)) return false;
  if (!rule.fits(value)) {
    problems_.add(node->at, path_of(key) + ": must be " + std::string(rule.allowed));
    return false;
  }
  out = std::move(value);
  return true;
}

bool FieldReader::read_whole(std::string_view key, uint64_t min, uint64_t max, std::string_view doc, uint64_t& out) {
  const Node* node = find(key, Need::kOptional, doc);
  return node != nullptr && read_count(*node, path_of(key), min, max, problems_, out);
}

bool FieldReader::number(std::string_view key, double& out, double min, double max, std::string_view doc) {
  const Node* node = find(key, Need::kOptional, doc);
  return node != nullptr && read_number(*node, path_of(key), min, max, problems_, out);
}

bool FieldReader::bytes(std::string_view key, uint64_t& out, uint64_t min, uint64_t max, std::string_view doc) {
  const Node* node = find(key, Need::kOptional, doc);
  return node != nullptr && read_bytes(*node, path_of(key), min, max, problems_, out);
}

bool FieldReader::duration(std::string_view key, int64_t& out, int64_t min, int64_t max, std::string_view doc) {
  const Node* node = find(key, Need::kOptional, doc);
  return node != nullptr && read_duration_us(*node, path_of(key), min, max, problems_, out);
}

bool FieldReader::list_of(std::string_view key, std::string_view doc, Items items, ItemsAre are,
                          std::vector<const Node*>& out) {
  const Node* node = find(key, items.need, doc);
  if (node == nullptr) return false;
  const std::string name(key);
  out = are == ItemsAre::kTexts ? map_.texts(name) : map_.list(name);
  if (node->kind != Node::Kind::kList) return true;
  const std::string path = path_of(key);
  if (node->items.size() > items.max) {
    problems_.add(node->at, path + ": must have at most " + std::to_string(items.max) + " items, not " +
                                std::to_string(node->items.size()));
    out.resize(std::min(out.size(), items.max));
  }
  if (node->items.size() >= items.min) return true;
  const std::string least =
      items.min == 1 ? "must have one at least" : "must have at least " + std::to_string(items.min);
  problems_.add(node->at, path + ": " + least + ": " + plain_text(doc));
  return true;
}

bool FieldReader::texts(std::string_view key, std::vector<std::string>& out, const TextRule& rule, std::string_view doc,
                        Items items) {
  std::vector<const Node*> nodes;
  if (!list_of(key, doc, items, ItemsAre::kTexts, nodes)) return false;
  out.clear();
  for (const Node* node : nodes) {
    if (rule.fits(node->text)) {
      out.push_back(node->text);
    } else {
      problems_.add(node->at, path_of(key) + ": each must be " + std::string(rule.allowed));
    }
  }
  return true;
}

bool FieldReader::ref(std::string_view key, Ref& out, std::string_view doc, Need need) {
  const Node* node = find(key, need, doc);
  if (node == nullptr || !read_text(*node, path_of(key), problems_, out.name)) return false;
  out.at = node->at;
  return true;
}

bool FieldReader::refs(std::string_view key, std::vector<Ref>& out, std::string_view doc, Items items) {
  std::vector<const Node*> nodes;
  if (!list_of(key, doc, items, ItemsAre::kTexts, nodes)) return false;
  for (const Node* node : nodes) out.push_back({node->text, node->at});
  return true;
}

void FieldReader::exactly_one_of(const NameList& keys) {
  size_t given = 0;
  for (const std::string_view key : keys) given += node_.find(key) != nullptr ? 1 : 0;
  if (given == 1 || !map_.is_map()) return;
  problems_.add(node_.at,
                map_.called() + ": must have " + (keys.size() > 1 ? "exactly one of " : "") + join_names(keys));
}

}  // namespace freshet::yaml
