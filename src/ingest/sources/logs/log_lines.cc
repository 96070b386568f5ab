#include "ingest/sources/logs/log_lines.h"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "ingest/items/item.h"
#include "ingest/items/json_body.h"
#include "ingest/items/json_fault.h"
#include "model/time.h"

namespace freshet::ingest {
namespace {

using LineValue = simdjson::dom::element;

// A text, or a number or a truth as its text; "" is what holds neither.
std::string scalar_text(const LineValue& value) {
  if (value.is_string()) return std::string(value.get_string().value_unsafe());
  return value.is_object() || value.is_array() || value.is_null() ? std::string() : simdjson::minify(value);
}

bool is_any(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// False: it is nothing that a record says by itself, so it is an attribute.
bool take_known(std::string_view name, const LineValue& value, LogRecord& record) {
  const std::string text = scalar_text(value);
  if (is_any(name, {"body", "message", "msg"})) {
    if (!record.body.empty() || value.is_null()) return false;
    record.body = simdjson::minify(value);
    return true;
  }
  if (text.empty()) return false;
  if (is_any(name, {"time", "timestamp", "@timestamp", "ts"})) {
    const auto time = model::parse_time(text);
    if (!time || record.time_ns > 0) return false;
    record.time_ns = *time * 1000;
    return true;
  }
  const auto take = [&](std::string& into) { return into.empty() && (into = text, true); };
  if (is_any(name, {"severity", "level"})) {
    if (!take(record.severity)) return false;
    record.severity_number = severity_of(text);
    return true;
  }
  if (is_any(name, {"service", "service.name"})) return take(record.service);
  if (name == "trace_id") return take(record.trace_id);
  if (name == "span_id") return take(record.span_id);
  return false;
}

// A number of more than 64 bits is JSON, and not for the parser: such a line is kept as it stands.
bool take_whole(std::string_view line, simdjson::error_code error, LogCollector& out) {
  if (error != simdjson::NUMBER_ERROR || !line.starts_with('{')) return false;
  if (find_json_fault(line)) return false;
  LogRecord record;
  record.source = "lines";
  record.body.resize(line.size());
  size_t bytes = 0;
  if (simdjson::minify(line.data(), line.size(), record.body.data(), bytes) != simdjson::SUCCESS) return false;
  record.body.resize(bytes);
  out.add(record);
  return true;
}

void parse_log_line(std::string_view line, simdjson::dom::parser& parser, LogCollector& out) {
  simdjson::dom::object object;
  LineValue root;
  if (const auto error = parser.parse(line.data(), line.size()).get(root); error != simdjson::SUCCESS) {
    if (!take_whole(line, error, out)) out.reject("bad_json", json_error(error, line));
    return;
  }
  if (root.get_object().get(object) != simdjson::SUCCESS)
    return out.reject("bad_item", "a line must be a JSON object, such as {\"level\":\"info\",\"message\":\"started\"}");
  LogRecord record;
  record.source = "lines";
  for (const auto field : object)
    if (!take_known(field.key, field.value, record) && !field.value.is_null())
      record.attributes[std::string(field.key)] = simdjson::minify(field.value);
  if (record.body.empty() && record.attributes.empty())
    return out.reject("missing_body", "the line says nothing; give \"message\"");
  out.add(record);
}

}  // namespace

LogsResult parse_log_lines(std::string_view body, std::string_view tenant, int64_t received_at_us) {
  simdjson::dom::parser parser;
  // Deeper ones are an error of the line. The object itself is a level, too.
  if (parser.allocate(kLogBytesMax, kLogDepthMax + 1) != simdjson::SUCCESS)
    return no_logs("there is no memory for the parser");
  LogCollector out(tenant, received_at_us);
  std::string buffer;
  body = with_whole_pairs(body, buffer);
  while (!body.empty()) {
    const size_t end = std::min(body.find('\n'), body.size());
    // Files that were put together have a mark in front of each.
    const std::string_view line = trim(without_mark(body.substr(0, end)), " \t\r\n");
    body.remove_prefix(std::min(end + 1, body.size()));
    if (line.empty()) continue;
    if (out.is_full()) return too_many_logs();
    if (line.size() > kLogBytesMax) {
      out.reject("too_large", "the line has " + std::to_string(line.size()) + " bytes; " +
                                  std::to_string(kLogBytesMax) + " are allowed");
    } else {
      parse_log_line(line, parser, out);
    }
  }
  return out.take();
}

}  // namespace freshet::ingest
