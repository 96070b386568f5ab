// A member that is spelled wrong rejects its record by name: taken as absent, it would be gone without a word. Only
// null is absent, as in Protobuf's JSON.
#include "ingest/sources/logs/otlp_logs_json.h"

#include <simdjson.h>

#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "base/hash.h"
#include "base/number.h"
#include "base/text.h"
#include "ingest/items/item.h"
#include "ingest/items/json_body.h"
#include "ingest/items/list_bounds.h"

namespace freshet::ingest {
namespace {

namespace otlp = foreign::otlp_logs;
using google::protobuf::MessageLite;
using simdjson::dom::element;

// A value takes three levels of OTLP's JSON ({"arrayValue":{"values":[…]}}), and stands in eight others.
constexpr size_t kJsonDepthMax = 128;

// A number or its text: 64-bit numbers are texts in Protobuf's JSON. A whole one may be written as 5.0 or 5e3.
template <class Number>
std::optional<Number> number_of(const element& value) {
  std::string text;
  if (value.is_string()) text = value.get_string().value_unsafe();
  if (value.is_number()) text = simdjson::minify(value);
  const auto number = to_number<Number>(text);
  if constexpr (std::is_integral_v<Number>) {
    const auto whole = number ? std::nullopt : to_number<double>(text);
    constexpr double kLow = static_cast<double>(std::numeric_limits<Number>::min());
    const double too_high = std::ldexp(1.0, std::numeric_limits<Number>::digits);
    if (whole && std::floor(*whole) == *whole && *whole >= kLow && *whole < too_high)
      return static_cast<Number>(*whole);
  }
  return number;
}

std::optional<bool> flag_of(const element& value) {
  if (value.is_bool()) return value.get_bool().value_unsafe();
  const std::string word = value.is_string() ? lower_case(value.get_string().value_unsafe()) : std::string();
  if (word == "true") return true;
  if (word == "false") return false;
  return std::nullopt;
}

class OtlpJsonReader {
 public:
  OtlpJsonReader(otlp::ExportLogsRequest& out, OtlpFaults& faults) : out_(out), faults_(faults) {}

  Status read(std::string_view body);

 private:
  // Why a list or an object that holds records can't be read: nobody knows how many it has.
  Status wrong_shape(std::string_view name, std::string_view shape) const {
    return fail(Code::kInvalid, "\"" + std::string(name) + "\" must be " + std::string(shape));
  }
  // The same of a member of a record or a resource. The first one is told.
  void wrong(std::string_view name, std::string_view shape) {
    if (!fault_) fault_ = LogFault{"bad_field", wrong_shape(name, shape).error().message};
  }
  // What was wrong until now was wrong with this message.
  void settle(const MessageLite& message) {
    if (fault_) faults_.insert_or_assign(&message, *std::exchange(fault_, std::nullopt));
  }

  simdjson::error_code parse(std::string_view text, element& root);
  [[nodiscard]] bool is_json(std::string_view text) {
    element root;
    return parse(text, root) == simdjson::SUCCESS;
  }

  // Calls read(element) for each of a list; of null for none.
  template <class Read>
  void each_of(std::string_view name, const element& list, const Read& read) {
    simdjson::dom::array array;
    if (list.get_array().get(array) == simdjson::SUCCESS) {
      for (const element value : array) read(value);
    } else if (!list.is_null()) {
      wrong(name, "a list");
    }
  }
  // Calls read(name, value) for each member of an object that is not null.
  template <class Read>
  void each_member(std::string_view name, const element& value, const Read& read) {
    simdjson::dom::object object;
    if (value.get_object().get(object) == simdjson::SUCCESS) {
      for (const auto member : object)
        if (!member.value.is_null()) read(std::string_view(member.key), element(member.value));
    } else if (!value.is_null()) {
      wrong(name, "an object");
    }
  }
  std::string text_of(std::string_view name, const element& value) {
    if (value.is_string()) return std::string(value.get_string().value_unsafe());
    wrong(name, "a text");
    return {};
  }
  template <class Number>
  Number number(std::string_view name, const element& value) {
    const auto number = number_of<Number>(value);
    if (!number) wrong(name, std::is_floating_point_v<Number> ? "a number" : "a whole number that fits");
    return number.value_or(0);
  }

  void read_value(std::string_view name, const element& value, otlp::AnyValue& out);
  void read_members(std::string_view name, const element& list,
                    google::protobuf::RepeatedPtrField<otlp::KeyValue>& out);
  void read_record(const element& value, otlp::LogRecord& out);
  Status read_list(const element& holder, std::string_view name, const std::function<Status(const element&)>& read);
  Status read_scope(const element& value, otlp::ScopeLogs& out);
  Status read_resource(const element& value, otlp::ResourceLogs& out);

  // Parts of a body that is damaged somewhere, each by itself.
  Status take_parts(const ListBounds& bounds);
  Status take_resource(std::string_view text, otlp::ResourceLogs& out);
  Status take_scope(std::string_view text, otlp::ScopeLogs& out);
  void take_record(std::string_view text, otlp::LogRecord& out);

  otlp::ExportLogsRequest& out_;
  OtlpFaults& faults_;
  std::optional<LogFault> fault_;
  simdjson::dom::parser parser_;  // Its memory is what the body takes, so it is not kept.
};

simdjson::error_code OtlpJsonReader::parse(std::string_view text, element& root) {
  if (const auto error = parser_.allocate(text.size(), kJsonDepthMax); error != simdjson::SUCCESS) return error;
  if (const auto error = parser_.parse(text.data(), text.size()).get(root); error != simdjson::SUCCESS) return error;
  return root.is_object() ? simdjson::SUCCESS : simdjson::INCORRECT_TYPE;
}

void OtlpJsonReader::read_members(std::string_view name, const element& list,
                                  google::protobuf::RepeatedPtrField<otlp::KeyValue>& out) {
  each_of(name, list, [&](const element& entry) {
    otlp::KeyValue& member = *out.Add();
    each_member(name, entry, [&](std::string_view inner, const element& value) {
      if (inner == "key") member.set_key(text_of(inner, value));
      if (inner == "value") read_value(inner, value, *member.mutable_value());
    });
  });
}

void OtlpJsonReader::read_value(std::string_view name, const element& value, otlp::AnyValue& out) {
  each_member(name, value, [&](std::string_view kind, const element& v) {
    if (kind == "stringValue") out.set_string_value(text_of(kind, v));
    if (kind == "boolValue") {
      const auto flag = flag_of(v);
      if (!flag) wrong(kind, "true or false");
      out.set_bool_value(flag.value_or(false));
    }
    if (kind == "intValue") out.set_int_value(number<int64_t>(kind, v));
    if (kind == "doubleValue") out.set_double_value(number<double>(kind, v));
    // It stays the text that it is: base64, as it goes into the topic.
    if (kind == "bytesValue") out.set_string_value(text_of(kind, v));
    if (kind == "arrayValue") {
      auto& values = *out.mutable_array_value();
      each_member(kind, v, [&](std::string_view inner, const element& list) {
        if (inner == "values")
          each_of(inner, list, [&](const element& e) { read_value(inner, e, *values.add_values()); });
      });
    }
    if (kind == "kvlistValue") {
      auto& values = *out.mutable_kvlist_value()->mutable_values();
      each_member(kind, v, [&](std::string_view inner, const element& list) {
        if (inner == "values") read_members(inner, list, values);
      });
    }
  });
}

void OtlpJsonReader::read_record(const element& value, otlp::LogRecord& out) {
  each_member("logRecords", value, [&](std::string_view name, const element& v) {
    if (name == "timeUnixNano") out.set_time_unix_nano(number<uint64_t>(name, v));
    if (name == "observedTimeUnixNano") out.set_observed_time_unix_nano(number<uint64_t>(name, v));
    if (name == "severityNumber") out.set_severity_number(number<int32_t>(name, v));
    if (name == "severityText") out.set_severity_text(text_of(name, v));
    if (name == "body") read_value(name, v, *out.mutable_body());
    if (name == "attributes") read_members(name, v, *out.mutable_attributes());
    if (name == "traceId") out.set_trace_id(from_hex(text_of(name, v)));
    if (name == "spanId") out.set_span_id(from_hex(text_of(name, v)));
    if (name == "eventName") out.set_event_name(text_of(name, v));
  });
  settle(out);
}

// Calls read(element) for each of the list that is the member `name`.
Status OtlpJsonReader::read_list(const element& holder, std::string_view name,
                                 const std::function<Status(const element&)>& read) {
  element list;
  simdjson::dom::array array;
  if (holder.is_null() || holder.at_key(name).get(list) != simdjson::SUCCESS || list.is_null()) return {};
  if (list.get_array().get(array) != simdjson::SUCCESS) return wrong_shape(name, "a list");
  for (const element value : array) {
    if (!value.is_object() && !value.is_null()) return wrong_shape(name, "a list of objects");
    FRESHET_TRY(read(value));
  }
  return {};
}

Status OtlpJsonReader::read_scope(const element& value, otlp::ScopeLogs& out) {
  each_member("scopeLogs", value, [&](std::string_view name, const element& v) {
    if (name != "scope") return;
    each_member(name, v, [&](std::string_view inner, const element& text) {
      if (inner == "name") out.mutable_scope()->set_name(text_of(inner, text));
      if (inner == "version") out.mutable_scope()->set_version(text_of(inner, text));
    });
  });
  settle(out);
  return read_list(value, "logRecords", [&](const element& record) -> Status {
    read_record(record, *out.add_log_records());
    return {};
  });
}

Status OtlpJsonReader::read_resource(const element& value, otlp::ResourceLogs& out) {
  each_member("resourceLogs", value, [&](std::string_view name, const element& v) {
    if (name != "resource") return;
    each_member(name, v, [&](std::string_view inner, const element& list) {
      if (inner == "attributes") read_members(inner, list, *out.mutable_resource()->mutable_attributes());
    });
  });
  settle(out);
  return read_list(value, "scopeLogs", [&](const element& scope) { return read_scope(scope, *out.add_scope_logs()); });
}

void OtlpJsonReader::take_record(std::string_view text, otlp::LogRecord& out) {
  element root;
  const simdjson::error_code error = parse(text, root);
  if (error == simdjson::SUCCESS) return read_record(root, out);
  if (error == simdjson::DEPTH_ERROR) {
    faults_.insert_or_assign(&out, too_deep_log());
  } else {
    faults_.insert_or_assign(&out, LogFault{"bad_json", json_error(error, text)});
  }
}

// What holds records and is damaged around them counts as one record: nobody knows how many it has.
Status OtlpJsonReader::take_scope(std::string_view text, otlp::ScopeLogs& out) {
  element root;
  if (parse(text, root) == simdjson::SUCCESS) return read_scope(root, out);
  const auto bounds = list_bounds(text, "logRecords", kLogRecordsMax);
  if (!bounds || !is_json(bounds->with({}))) {
    take_record(text, *out.add_log_records());
    return {};
  }
  const std::string shell = bounds->with({});
  (void)parse(shell, root);
  FRESHET_TRY(read_scope(root, out));
  for (const std::string_view record : bounds->elements) take_record(record, *out.add_log_records());
  return {};
}

Status OtlpJsonReader::take_resource(std::string_view text, otlp::ResourceLogs& out) {
  element root;
  if (parse(text, root) == simdjson::SUCCESS) return read_resource(root, out);
  const auto bounds = list_bounds(text, "scopeLogs", kLogRecordsMax);
  if (!bounds || !is_json(bounds->with({}))) {
    take_record(text, *out.add_scope_logs()->add_log_records());
    return {};
  }
  const std::string shell = bounds->with({});
  (void)parse(shell, root);
  FRESHET_TRY(read_resource(root, out));
  for (const std::string_view scope : bounds->elements) FRESHET_TRY(take_scope(scope, *out.add_scope_logs()));
  return {};
}

Status OtlpJsonReader::take_parts(const ListBounds& bounds) {
  for (const std::string_view part : bounds.elements) FRESHET_TRY(take_resource(part, *out_.add_resource_logs()));
  return {};
}

Status OtlpJsonReader::read(std::string_view sent) {
  std::string buffer;
  const std::string_view body = with_whole_pairs(sent, buffer);
  element root;
  const simdjson::error_code error = parse(without_mark(body), root);
  if (error == simdjson::SUCCESS)
    return read_list(root, "resourceLogs",
                     [&](const element& logs) { return read_resource(logs, *out_.add_resource_logs()); });
  // One damaged record does not cost the others.
  const auto bounds = list_bounds(without_mark(body), "resourceLogs", kLogRecordsMax);
  if (bounds && is_json(bounds->with({}))) return take_parts(*bounds);
  return bad_body(body, bad_json(error).value());
}

}  // namespace

Status read_otlp_json(std::string_view body, otlp::ExportLogsRequest& out, OtlpFaults& faults) {
  return OtlpJsonReader(out, faults).read(body);
}

}  // namespace freshet::ingest
