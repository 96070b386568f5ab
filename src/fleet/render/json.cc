// The trees that are written as YAML elsewhere, as JSON: renderers build one kind of tree and know no syntax.
#include "fleet/render/json.h"

#include "base/assert.h"
#include "base/json_writer.h"

namespace freshet::fleet {
namespace {

void write(JsonWriter& json, const yaml::Node& node, size_t indent) {
  // A map has a key for each item; without one an item would have no name, and every later one a wrong one.
  FRESHET_ASSERT(node.kind != yaml::Node::Kind::kMap || node.keys.size() == node.items.size());
  const std::string line_inside = '\n' + std::string(indent + 2, ' ');
  const std::string line_at_end = '\n' + std::string(indent, ' ');
  switch (node.kind) {
    case yaml::Node::Kind::kNull: json.null(); return;
    case yaml::Node::Kind::kScalar: node.quoted ? json.value(node.text) : json.raw(node.text); return;
    case yaml::Node::Kind::kList:
      json.begin_array();
      for (const yaml::Node& item : node.items) write(json.space(line_inside), item, indent + 2);
      if (!node.items.empty()) json.space(line_at_end);
      json.end_array();
      return;
    case yaml::Node::Kind::kMap:
      json.begin_object();
      for (size_t i = 0; i < node.items.size(); ++i) {
        json.space(line_inside).key(node.keys[i].text).space(" ");
        write(json, node.items[i], indent + 2);
      }
      if (!node.items.empty()) json.space(line_at_end);
      json.end_object();
      return;
  }
}

}  // namespace

std::string write_json(const yaml::Node& root) {
  std::string out;
  {
    JsonWriter json(out);
    write(json, root, 0);
  }
  return out += '\n';
}

}  // namespace freshet::fleet
