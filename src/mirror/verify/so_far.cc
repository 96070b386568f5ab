#include "mirror/verify/so_far.h"

#include <simdjson.h>

#include "base/json_writer.h"

namespace freshet::mirror {
namespace {

constexpr int64_t kSoFarVersion = 1;
constexpr size_t kHashBytes = 16;

using Element = simdjson::dom::element;

bool read_hash(const Element& from, std::string_view name, Hash128& out) {
  std::string_view text;
  if (from[name].get_string().get(text) != simdjson::SUCCESS) return false;
  const std::string raw = from_hex(text);
  if (raw.size() == kHashBytes) out = Hash128::from(raw);
  return raw.size() == kHashBytes;
}

bool read_text(const Element& from, std::string_view name, std::string& out) {
  std::string_view text;
  if (from[name].get_string().get(text) != simdjson::SUCCESS) return false;
  out = text;
  return true;
}

bool read_places(const Element& from, std::string_view name, std::vector<int64_t>& out) {
  simdjson::dom::array list;
  if (from[name].get_array().get(list) != simdjson::SUCCESS) return false;
  for (const Element one : list)
    if (one.get_int64().get(out.emplace_back()) != simdjson::SUCCESS || out.back() < 0) return false;
  return true;
}

bool read_ahead(const Element& from, Ahead& out) {
  int64_t place = 0;
  uint64_t count = 0;
  const bool read = read_hash(from, "unit", out.unit) && read_hash(from, "hash", out.target) &&
                    from["sum"].get_uint64().get(out.sum) == simdjson::SUCCESS &&
                    from["count"].get_uint64().get(count) == simdjson::SUCCESS &&
                    from["partition"].get_int64().get(place) == simdjson::SUCCESS &&
                    from["gone"].get_bool().get(out.gone) == simdjson::SUCCESS &&
                    from["several"].get_bool().get(out.several) == simdjson::SUCCESS;
  out.count = static_cast<uint32_t>(count);
  out.place = static_cast<int32_t>(place);
  return read && count == out.count && place == out.place;
}

// Every member must be there: what is understood by half would leave records unlooked at.
bool read_topic(const Element& from, VerifiedSoFar& out) {
  std::string name;
  if (!read_text(from, "topic", name)) return false;
  VerifiedTopic& topic = out.topics[name];
  simdjson::dom::array ahead;
  if (!read_text(from, "to", topic.to) || !read_text(from, "rules", topic.rules) ||
      !read_places(from, "source", topic.source) || !read_places(from, "target", topic.target) ||
      from["promised"].get_uint64().get(topic.promised) != simdjson::SUCCESS ||
      from["in_target"].get_uint64().get(topic.in_target) != simdjson::SUCCESS ||
      from["ahead"].get_array().get(ahead) != simdjson::SUCCESS)
    return false;
  for (const Element one : ahead)
    if (!read_ahead(one, topic.ahead.emplace_back())) return false;
  return true;
}

void write_ahead(JsonWriter& json, const Ahead& one) {
  json.begin_object().member("unit", one.unit.hex()).member("hash", one.target.hex()).member("sum", one.sum);
  json.member("count", one.count).member("partition", one.place).member("gone", one.gone);
  json.member("several", one.several).end_object();
}

void write_topic_so_far(JsonWriter& json, const std::string& name, const VerifiedTopic& topic) {
  json.begin_object().member("topic", name).member("to", topic.to).member("rules", topic.rules);
  json.key("source").array(topic.source);
  json.key("target").array(topic.target);
  json.member("promised", topic.promised).member("in_target", topic.in_target);
  json.key("ahead").array(topic.ahead, write_ahead).end_object();
}

}  // namespace

std::string encode(const VerifiedSoFar& so_far) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("v", kSoFarVersion).member("mirror", so_far.mirror).member("from_ms", so_far.from_ms);
  json.key("topics").array(so_far.topics,
                           [](JsonWriter& to, const auto& one) { write_topic_so_far(to, one.first, one.second); });
  json.end_object();
  return out;
}

Result<VerifiedSoFar> decode_verified(std::string_view text) {
  simdjson::dom::parser parser;
  Element root;
  const simdjson::padded_string padded(text);
  int64_t version = 0;
  VerifiedSoFar out;
  simdjson::dom::array topics;
  if (parser.parse(padded).get(root) != simdjson::SUCCESS || !root.is_object() ||
      root["v"].get_int64().get(version) != simdjson::SUCCESS)
    return fail(Code::kCorrupt, "it is not what verify has written");
  if (version != kSoFarVersion) return fail(Code::kCorrupt, "it is of another version than 1");
  const auto damaged = fail(Code::kCorrupt, "it lacks something");
  if (!read_text(root, "mirror", out.mirror) || root["from_ms"].get_int64().get(out.from_ms) != simdjson::SUCCESS ||
      root["topics"].get_array().get(topics) != simdjson::SUCCESS)
    return damaged;
  for (const Element one : topics)
    if (!read_topic(one, out)) return damaged;
  return out;
}

}  // namespace freshet::mirror
