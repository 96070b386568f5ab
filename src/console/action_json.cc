#include "console/action_json.h"

#include <map>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "model/time.h"

namespace freshet::console {
namespace {

std::string_view word_of(v1::Envelope::Kind kind) {
  switch (kind) {
    case v1::Envelope::TRACK: return "track";
    case v1::Envelope::IDENTIFY: return "identify";
    case v1::Envelope::MERGE: return "merge";
    case v1::Envelope::ERASE: return "erase";
    case v1::Envelope::DEVICE: return "device";
    case v1::Envelope::UNLINK: return "unlink";
    case v1::Envelope::UNSUPPRESS: return "unsuppress";
    default: return {};
  }
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
  const std::string_view kind = word_of(record.kind());
  if (kind.empty()) return std::nullopt;
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
