#include "sinks/postgres/event_rows.h"

#include <simdjson.h>

#include <string_view>

#include "base/json_writer.h"
#include "model/time.h"

namespace freshet::sinks {
namespace {

using Element = simdjson::dom::element;

void write_text(JsonWriter& json, std::string_view column, const Element& event, std::string_view member) {
  std::string_view text;
  json.key(column);
  event[member].get_string().get(text) == simdjson::SUCCESS ? json.value(text) : json.null();
}

void write_object(JsonWriter& json, std::string_view member, const Element& event) {
  Element object;
  json.key(member);
  event[member].get(object) == simdjson::SUCCESS ? json.raw(simdjson::minify(object)) : json.raw("{}");
}

void write_property(JsonWriter& json, const std::string& name, const Element& event) {
  Element value;
  std::string_view text;
  json.key(name);
  if (event["properties"][name].get(value) != simdjson::SUCCESS || value.is_null()) {
    json.null();
  } else if (value.get_string().get(text) == simdjson::SUCCESS) {
    json.value(text);
  } else {
    json.value(std::string(simdjson::minify(value)));
  }
}

}  // namespace

Result<std::string> rows_of_events(const Batch& batch, const std::vector<std::string>& columns) {
  simdjson::dom::parser parser;
  std::string out;
  bool refused = false;
  {
    JsonWriter json(out);
    json.begin_array();
    for (const Item& item : batch.items) {
      Element event;
      if (parser.parse(item.value).get(event) != simdjson::SUCCESS || !event.is_object()) {
        refused = true;
        continue;
      }
      json.begin_object().member("received_at", model::format_time(item.received_at_us));
      json.member("log_partition", batch.from.partition).member("log_offset", item.offset);
      write_text(json, "message_id", event, "message_id");
      write_text(json, "event", event, "event");
      write_text(json, "happened_at", event, "timestamp");
      write_text(json, "user_profile", event, "user");
      write_text(json, "device_profile", event, "device");
      write_text(json, "source", event, "source");
      write_object(json, "properties", event);
      write_object(json, "enriched", event);
      for (const std::string& name : columns) write_property(json, name, event);
      json.end_object();
    }
    json.end_array();
  }
  if (refused) return fail(Code::kInvalid, "the record is no event in JSON");
  return out;
}

}  // namespace freshet::sinks
