#include "console/action_json.h"

#include <map>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "base/text.h"
#include "model/time.h"

namespace freshet::console {
namespace {

// What partitions say to one another, and what this release does not know.
bool is_no_senders(v1::Envelope::Kind kind) {
  return kind == v1::Envelope::KIND_UNSPECIFIED || kind == v1::Envelope::CONTROL || kind == v1::Envelope::LOOP ||
         !v1::Envelope::Kind_IsValid(kind);
}

void write_identifiers(JsonWriter& json, const google::protobuf::RepeatedPtrField<v1::Identifier>& identifiers) {
  std::map<std::string_view, std::vector<std::string_view>> by_type;
  for (const v1::Identifier& one : identifiers) by_type[one.type()].push_back(one.value());
  json.begin_object();
  for (const auto& [type, values] : by_type)
    json.key(type).array(values, [](JsonWriter& list, std::string_view value) { list.value(value); });
  json.end_object();
}

}  // namespace

std::optional<std::string> action_json(const v1::Envelope& record) {
  if (is_no_senders(record.kind())) return std::nullopt;
  const std::string kind = lower_case(v1::Envelope::Kind_Name(record.kind()));
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("message_id", record.message_id()).member("kind", kind).member("source", record.source());
  json.member("received_at", model::format_time(record.received_at_us()));
  json.member("timestamp", model::format_time(record.time_us()));
  write_identifiers(json.key("user"), record.user());
  write_identifiers(json.key("device"), record.device());
  json.key("events").array(record.events(), [](JsonWriter& list, const v1::Event& event) {
    list.begin_object().member("event", event.name()).key("properties");
    list.raw(event.properties().empty() ? "{}" : std::string_view(event.properties())).end_object();
  });
  json.member("attributes", record.attributes_size() + record.device_attributes_size()).end_object();
  return out;
}

}  // namespace freshet::console
