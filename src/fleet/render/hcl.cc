// HCL is written as `terraform fmt` would leave it, so that whoever runs it over the rendered files sees no change (an
// integration test checks that). The tool's rules are not documented in full; these are the part that our files need.
#include "fleet/render/hcl.h"

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"
#include "base/utf8.h"

namespace freshet::fleet {
namespace {

using yaml::Node;

constexpr size_t kIndent = 2;

void append_value(std::string& out, const Node& node, size_t indent);

bool is_identifier(std::string_view text) {
  const auto inner = [](char c) { return is_name_char(c) || c == '-'; };
  return !text.empty() && is_name_char(text.front()) && !is_digit(text.front()) &&
         std::all_of(text.begin(), text.end(), inner);
}

// Says what takes one line, and so takes part in the alignment of '='. Lists of anything but scalars are broken into
// lines.
bool is_one_line(const Node& node) {
  return node.kind == Node::Kind::kScalar || node.kind == Node::Kind::kNull || node.items.empty() ||
         (node.kind == Node::Kind::kList && std::all_of(node.items.begin(), node.items.end(),
                                                        [](const Node& n) { return n.kind == Node::Kind::kScalar; }));
}

// Columns are characters, not bytes: bytes that continue a UTF-8 sequence take none of their own.
size_t columns(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

// Writes a map as lines of "key = value".
void append_attributes(std::string& out, const Node& map, size_t indent) {
  std::vector<std::string> names;
  for (const Node& key : map.keys) names.push_back(is_identifier(key.text) ? key.text : hcl_string(key.text));
  FRESHET_ASSERT(map.keys.size() == map.items.size());
  size_t width = 0;  // of the run of one-line attributes that we are in
  for (size_t i = 0; i < names.size(); ++i) {
    const bool begins_run = i == 0 || !is_one_line(map.items[i - 1]);
    if (begins_run) width = 0;
    for (size_t j = i; begins_run && j < names.size() && is_one_line(map.items[j]); ++j) {
      width = std::max(width, columns(names[j]));
    }
    out.append(indent, ' ').append(names[i]);
    FRESHET_ASSERT(!is_one_line(map.items[i]) || columns(names[i]) <= width);
    if (is_one_line(map.items[i])) out.append(width - columns(names[i]), ' ');
    out += " = ";
    append_value(out, map.items[i], indent);
    out += '\n';
  }
}

void append_list(std::string& out, const Node& list, size_t indent) {
  if (is_one_line(list)) {
    out += '[';
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out += ", ";
      append_value(out, list.items[i], indent);
    }
    out += ']';
    return;
  }
  out += "[\n";
  for (const Node& item : list.items) {
    out.append(indent + kIndent, ' ');
    append_value(out, item, indent + kIndent);
    out += ",\n";
  }
  out.append(indent, ' ') += ']';
}

void append_value(std::string& out, const Node& node, size_t indent) {
  switch (node.kind) {
    case Node::Kind::kNull: out += "null"; return;
    case Node::Kind::kScalar: out += node.quoted ? hcl_string(node.text) : node.text; return;
    case Node::Kind::kList: return append_list(out, node, indent);
    case Node::Kind::kMap:
      if (node.keys.empty()) {
        out += "{}";
        return;
      }
      out += "{\n";
      append_attributes(out, node, indent + kIndent);
      out.append(indent, ' ') += '}';
  }
}

void append_block(std::string& out, const HclBlock& block, size_t indent) {
  out.append(indent, ' ').append(block.type);
  for (const std::string& label : block.labels) out.append(" ").append(hcl_string(label));
  if (block.attributes.keys.empty() && block.blocks.empty()) {
    out += " {}\n";
    return;
  }
  out += " {\n";
  append_attributes(out, block.attributes, indent + kIndent);
  bool first = block.attributes.keys.empty();
  for (const HclBlock& inner : block.blocks) {
    if (!first) out += '\n';
    first = false;
    append_block(out, inner, indent + kIndent);
  }
  out.append(indent, ' ') += "}\n";
}

}  // namespace

std::string hcl_string(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      // "${" and "%{" begin templates; doubled, they are text.
      case '$':
      case '%':
        out += c;
        if (i + 1 < text.size() && text[i + 1] == '{') out += c;
        break;
      default: out += c;
    }
  }
  return out += '"';
}

std::string write_hcl(const Node& attributes, const std::vector<HclBlock>& blocks) {
  std::string out;
  append_attributes(out, attributes, 0);
  for (const HclBlock& block : blocks) {
    if (!out.empty()) out += '\n';
    append_block(out, block, 0);
  }
  return out;
}

}  // namespace freshet::fleet
