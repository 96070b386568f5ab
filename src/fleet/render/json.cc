// The trees that are written as YAML elsewhere, as JSON: renderers build one kind of tree and know no syntax.
#include "fleet/render/json.h"

#include "base/assert.h"
#include "model/json.h"

namespace freshet::fleet {
namespace {

void append(std::string& out, const yaml::Node& node, size_t indent) {
  // A map has a key for each item; without one an item would have no name, and every later one a wrong one.
  FRESHET_ASSERT(node.kind != yaml::Node::Kind::kMap || node.keys.size() == node.items.size());
  const auto members = [&](char open, char close, auto&& member) {
    out += open;
    for (size_t i = 0; i < node.items.size(); ++i) {
      (out += i == 0 ? "\n" : ",\n").append(indent + 2, ' ');
      member(i);
    }
    if (!node.items.empty()) (out += '\n').append(indent, ' ');
    out += close;
  };
  switch (node.kind) {
    case yaml::Node::Kind::kNull: out += "null"; break;
    case yaml::Node::Kind::kScalar:
      node.quoted ? model::append_json_string(out, node.text) : void(out += node.text);
      break;
    case yaml::Node::Kind::kList: members('[', ']', [&](size_t i) { append(out, node.items[i], indent + 2); }); break;
    case yaml::Node::Kind::kMap:
      members('{', '}', [&](size_t i) {
        model::append_json_string(out, node.keys[i].text);
        out += ": ";
        append(out, node.items[i], indent + 2);
      });
      break;
  }
}

}  // namespace

std::string write_json(const yaml::Node& root) {
  std::string out;
  append(out, root, 0);
  return out += '\n';
}

}  // namespace freshet::fleet
