#include "mirror/transform.h"

#include <simdjson.h>

#include <algorithm>

#include "base/hash.h"
#include "base/json_writer.h"

namespace freshet::mirror {
namespace {

// How a scalar is written in a condition. nullopt: it is none.
std::optional<std::string> text_of(const simdjson::dom::element& value) {
  switch (value.type()) {
    case simdjson::dom::element_type::STRING: return std::string(std::string_view(value));
    case simdjson::dom::element_type::ARRAY:
    case simdjson::dom::element_type::OBJECT: return std::nullopt;
    default: return simdjson::minify(value);
  }
}

bool holds(const simdjson::dom::object& object, const Condition& condition) {
  simdjson::dom::element value;
  if (object.at_key(condition.field).get(value) != simdjson::SUCCESS) return false;
  const auto text = text_of(value);
  return text && std::find(condition.is.begin(), condition.is.end(), *text) != condition.is.end();
}

}  // namespace

bool came_from(const std::vector<cluster::Header>& headers, std::string_view cluster) {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const cluster::Header& h) { return h.name == kRouteHeader && h.value == cluster; });
}

bool last_from(const std::vector<cluster::Header>& headers, std::string_view cluster) {
  const auto last = std::find_if(headers.rbegin(), headers.rend(),
                                 [](const cluster::Header& header) { return header.name == kRouteHeader; });
  return last != headers.rend() && last->value == cluster;
}

std::optional<int32_t> place(const TopicRule& rule, int32_t source_partition, uint32_t target_partitions,
                             std::optional<std::string_view> key) {
  if (rule.partitions == 0) return source_partition;
  if (key) return static_cast<int32_t>(partition_of(*key, target_partitions));
  if (rule.keyless != Keyless::kSpread) return std::nullopt;
  return static_cast<int32_t>(static_cast<uint32_t>(source_partition) % target_partitions);
}

struct Transform::Parser {
  simdjson::dom::parser json;
};

Transform::Transform(const TopicRule& rule)
    : where_(rule.where), fields_(rule.fields), parser_(std::make_unique<Parser>()) {}
Transform::~Transform() = default;
Transform::Transform(Transform&&) noexcept = default;
Transform& Transform::operator=(Transform&&) noexcept = default;

Fate Transform::apply(std::string_view value, std::string& out) {
  if (is_identity()) return Fate::kPass;
  simdjson::dom::object object;
  // The parser's copy has the padding that it needs.
  if (parser_->json.parse(value.data(), value.size(), true).get(object) != simdjson::SUCCESS) return Fate::kPoison;
  for (const Condition& condition : where_)
    if (!holds(object, condition)) return Fate::kLeftOut;
  if (fields_.empty()) return Fate::kPass;
  out.clear();
  JsonWriter json(out);
  json.begin_object();
  for (const std::string& field : fields_) {
    simdjson::dom::element found;
    if (object.at_key(field).get(found) == simdjson::SUCCESS) json.key(field).raw(simdjson::minify(found));
  }
  json.end_object();
  return Fate::kPass;
}

}  // namespace freshet::mirror
