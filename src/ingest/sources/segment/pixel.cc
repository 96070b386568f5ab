#include "ingest/sources/segment/pixel.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/base64.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "http/text.h"

namespace freshet::ingest {
namespace {

// A value, or members.
struct PixelNode {
  std::string value;
  std::map<std::string, PixelNode, std::less<>> members;
};

void set_member(PixelNode& root, std::string_view name, std::string value) {
  PixelNode* node = &root;
  for (size_t depth = 1; depth < kPixelDepthMax; ++depth) {
    const size_t dot = name.find('.');
    // A dot at an end parts nothing.
    if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size()) break;
    node = &node->members[std::string(name.substr(0, dot))];
    name.remove_prefix(dot + 1);
  }
  PixelNode& leaf = node->members[std::string(name)];
  leaf.value = std::move(value);
  leaf.members.clear();
}

void write_pixel_node(JsonWriter& json, const PixelNode& node) {
  json.begin_object();
  for (const auto& [name, member] : node.members) {
    json.key(name);
    if (member.members.empty()) {
      json.value(member.value);
    } else {
      write_pixel_node(json, member);
    }
  }
  json.end_object();
}

bool looks_like_object(std::string_view text) { return trim(text, " \t\r\n").starts_with('{'); }

Result<std::string> message_in_data(std::string data) {
  if (looks_like_object(data)) return data;
  std::replace(data.begin(), data.end(), ' ', '+');  // which nobody has escaped
  auto decoded = decode_base64(data);
  if (!decoded || !looks_like_object(*decoded))
    return fail(Code::kInvalid, "\"data\" must be a JSON object, as base64 or as it is");
  if (!simdjson::validate_utf8(*decoded)) return fail(Code::kInvalid, "\"data\" is not valid UTF-8");
  return std::move(*decoded);
}

}  // namespace

Result<std::string> pixel_message(std::string_view query) {
  FRESHET_ASSIGN(auto parameters, http::parse_query(query));
  for (const auto& [name, value] : parameters)
    if (!simdjson::validate_utf8(name) || !simdjson::validate_utf8(value))
      return fail(Code::kInvalid, "a parameter of the query is not valid UTF-8");
  for (const auto& [name, value] : parameters)
    if (name == "data") return message_in_data(value);
  PixelNode root;
  for (auto& [name, value] : parameters)
    if (!name.empty() && name != "writeKey") set_member(root, name, std::move(value));
  std::string out;
  JsonWriter json(out);
  write_pixel_node(json, root);
  return out;
}

// The smallest GIF89a that every client shows: one pixel, whose only colour is transparent.
http::Response pixel_image() {
  static constexpr std::array<unsigned char, 43> kGif = {
      'G',  'I',  'F',  '8',  '9',  'a',  0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
      0x00, 0xff, 0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00,
      0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b};
  http::Response response;
  response.content_type = "image/gif";
  // A mail that is opened twice is to ask twice.
  response.headers = {{"Cache-Control", "no-store"}};
  response.body.assign(kGif.begin(), kGif.end());
  return response;
}

}  // namespace freshet::ingest
