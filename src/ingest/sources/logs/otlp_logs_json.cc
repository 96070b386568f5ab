#include "ingest/sources/logs/otlp_logs_json.h"

#include <simdjson.h>

#include <charconv>
#include <optional>
#include <string>

#include "base/hash.h"
#include "ingest/items/item.h"
#include "ingest/items/json_body.h"

namespace freshet::ingest {
namespace {

namespace otlp = foreign::otlp_logs;
using simdjson::dom::element;

// A value takes three levels of OTLP's JSON ({"arrayValue":{"values":[…]}}), and stands in eight others.
constexpr size_t kJsonDepthMax = 128;

// Calls read(element) for each of a list, if it is one.
template <class Read>
void each_of(const element& list, const Read& read) {
  simdjson::dom::array array;
  if (list.get_array().get(array) != simdjson::SUCCESS) return;
  for (const element value : array) read(value);
}

// Calls read(name, value) for each member of an object, if it is one.
template <class Read>
void each_member(const element& value, const Read& read) {
  simdjson::dom::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return;
  for (const auto member : object) read(member.key, member.value);
}

// A number or its text: 64-bit numbers are texts in Protobuf's JSON.
template <class Number>
std::optional<Number> number_of(const element& value) {
  std::string text;
  if (value.is_string()) {
    text = value.get_string().value_unsafe();
  } else if (value.is_number()) {
    text = simdjson::minify(value);
  }
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string text_of(const element& value) {
  return value.is_string() ? std::string(value.get_string().value_unsafe()) : std::string();
}

void read_json_value(const element& value, otlp::AnyValue& out);

void read_json_members(const element& list, google::protobuf::RepeatedPtrField<otlp::KeyValue>& out) {
  each_of(list, [&](const element& entry) {
    otlp::KeyValue& member = *out.Add();
    each_member(entry, [&](std::string_view name, const element& value) {
      if (name == "key") member.set_key(text_of(value));
      if (name == "value") read_json_value(value, *member.mutable_value());
    });
  });
}

void read_json_value(const element& value, otlp::AnyValue& out) {
  each_member(value, [&](std::string_view name, const element& v) {
    if (name == "stringValue") out.set_string_value(text_of(v));
    if (name == "boolValue" && v.is_bool()) out.set_bool_value(v.get_bool().value_unsafe());
    if (name == "intValue")
      if (const auto number = number_of<int64_t>(v)) out.set_int_value(*number);
    if (name == "doubleValue")
      if (const auto number = number_of<double>(v)) out.set_double_value(*number);
    // It stays the text that it is: base64, as it goes into the topic.
    if (name == "bytesValue") out.set_string_value(text_of(v));
    if (name == "arrayValue")
      each_member(v, [&](std::string_view inner, const element& list) {
        if (inner == "values")
          each_of(list, [&](const element& e) { read_json_value(e, *out.mutable_array_value()->add_values()); });
      });
    if (name == "kvlistValue")
      each_member(v, [&](std::string_view inner, const element& list) {
        if (inner == "values") read_json_members(list, *out.mutable_kvlist_value()->mutable_values());
      });
  });
}

void read_json_record(const element& value, otlp::LogRecord& out) {
  each_member(value, [&](std::string_view name, const element& v) {
    if (name == "timeUnixNano") out.set_time_unix_nano(number_of<uint64_t>(v).value_or(0));
    if (name == "observedTimeUnixNano") out.set_observed_time_unix_nano(number_of<uint64_t>(v).value_or(0));
    if (name == "severityNumber") out.set_severity_number(number_of<int32_t>(v).value_or(0));
    if (name == "severityText") out.set_severity_text(text_of(v));
    if (name == "body") read_json_value(v, *out.mutable_body());
    if (name == "attributes") read_json_members(v, *out.mutable_attributes());
    if (name == "traceId") out.set_trace_id(from_hex(text_of(v)));
    if (name == "spanId") out.set_span_id(from_hex(text_of(v)));
    if (name == "eventName") out.set_event_name(text_of(v));
  });
}

void read_json_scope(const element& value, otlp::ScopeLogs& out) {
  each_member(value, [&](std::string_view name, const element& v) {
    if (name == "scope")
      each_member(v, [&](std::string_view inner, const element& text) {
        if (inner == "name") out.mutable_scope()->set_name(text_of(text));
        if (inner == "version") out.mutable_scope()->set_version(text_of(text));
      });
    if (name == "logRecords") each_of(v, [&](const element& e) { read_json_record(e, *out.add_log_records()); });
  });
}

}  // namespace

Status read_otlp_json(std::string_view body, otlp::ExportLogsRequest& out) {
  simdjson::dom::parser parser;  // Its memory is what the body takes, so it is not kept.
  body = without_mark(body);
  element root;
  simdjson::error_code error = parser.allocate(body.size(), kJsonDepthMax);
  if (error == simdjson::SUCCESS) error = parser.parse(body.data(), body.size()).get(root);
  if (error != simdjson::SUCCESS) return bad_json(error);
  if (!root.is_object()) return bad_json(simdjson::INCORRECT_TYPE);
  each_member(root, [&](std::string_view name, const element& list) {
    if (name != "resourceLogs") return;
    each_of(list, [&](const element& entry) {
      otlp::ResourceLogs& logs = *out.add_resource_logs();
      each_member(entry, [&](std::string_view inner, const element& v) {
        if (inner == "resource")
          each_member(v, [&](std::string_view key, const element& attributes) {
            if (key == "attributes") read_json_members(attributes, *logs.mutable_resource()->mutable_attributes());
          });
        if (inner == "scopeLogs") each_of(v, [&](const element& e) { read_json_scope(e, *logs.add_scope_logs()); });
      });
    });
  });
  return {};
}

}  // namespace freshet::ingest
