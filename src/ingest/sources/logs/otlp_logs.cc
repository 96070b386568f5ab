// A request of OTLP becomes one message first, from either encoding, so that there is one way from there to records.

#include "ingest/sources/logs/otlp_logs.h"

#include <fmt/core.h>
#include <foreign/otlp_logs.pb.h>
#include <simdjson.h>

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "ingest/answers.h"
#include "ingest/items/json_body.h"
#include "ingest/sources/logs/otlp_logs_json.h"
#include "ingest/sources/logs/otlp_size.h"

namespace freshet::ingest {
namespace {

namespace otlp = foreign::otlp_logs;
using KeyValues = google::protobuf::RepeatedPtrField<otlp::KeyValue>;

constexpr std::string_view kProtobufType = "application/x-protobuf";

using Found = std::optional<LogFault>;  // why a record can't be kept

Found check_text(std::string_view text, std::string_view what) {
  if (simdjson::validate_utf8(text)) return std::nullopt;
  return LogFault{"bad_text", std::string(what) + " is not valid UTF-8"};
}

Found put_value(const otlp::AnyValue& value, size_t depth, JsonWriter& json);

Found put_members(const KeyValues& members, size_t depth, JsonWriter& json) {
  if (depth > kLogDepthMax) return json.null(), too_deep_log();
  json.begin_object();
  for (const otlp::KeyValue& member : members) {
    if (auto bad = check_text(member.key(), "a name")) return json.key("").null().end_object(), bad;
    json.key(member.key());
    if (auto bad = put_value(member.value(), depth, json)) return json.end_object(), bad;
  }
  json.end_object();
  return std::nullopt;
}

Found put_list(const otlp::ArrayValue& list, size_t depth, JsonWriter& json) {
  if (depth > kLogDepthMax) return json.null(), too_deep_log();
  json.begin_array();
  for (const otlp::AnyValue& value : list.values())
    if (auto bad = put_value(value, depth, json)) return json.end_array(), bad;
  json.end_array();
  return std::nullopt;
}

// Writes one value, also where it is bad, because the writer wants one.
Found put_value(const otlp::AnyValue& value, size_t depth, JsonWriter& json) {
  Found bad;
  switch (value.value_case()) {
    case otlp::AnyValue::kStringValue:
      bad = check_text(value.string_value(), "a text");
      bad ? json.null() : json.value(value.string_value());
      return bad;
    case otlp::AnyValue::kBoolValue: return json.value(value.bool_value()), bad;
    case otlp::AnyValue::kIntValue: return json.value(int64_t{value.int_value()}), bad;
    case otlp::AnyValue::kDoubleValue:
      // JSON has no word for what is no number.
      return (std::isfinite(value.double_value()) ? json.raw(fmt::format("{}", value.double_value()))
                                                  : json.value(fmt::format("{}", value.double_value()))),
             bad;
    case otlp::AnyValue::kArrayValue: bad = put_list(value.array_value(), depth + 1, json); break;
    case otlp::AnyValue::kKvlistValue: bad = put_members(value.kvlist_value().values(), depth + 1, json); break;
    case otlp::AnyValue::kBytesValue: return json.value(encode_base64(value.bytes_value())), bad;
    case otlp::AnyValue::VALUE_NOT_SET: return json.null(), bad;
  }
  return bad;
}

Found json_of(const otlp::AnyValue& value, std::string& out) {
  JsonWriter json(out);
  return put_value(value, 0, json);
}

// Of a name that occurs twice the last value counts.
Found read_attributes(const KeyValues& members, LogAttributes& out) {
  for (const otlp::KeyValue& member : members) {
    if (auto bad = check_text(member.key(), "an attribute's name")) return bad;
    std::string& value = out[member.key()];
    value.clear();
    if (auto bad = json_of(member.value(), value)) return bad;
  }
  return std::nullopt;
}

int64_t nanos(uint64_t time) {
  return time > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ? 0 : static_cast<int64_t>(time);
}

// What all records of a resource and a scope have in common.
struct Shared {
  std::string service;
  std::string resource;
  std::string scope;
  std::string scope_version;
  Found bad;
};

Found read_resource(const otlp::Resource& resource, Shared& out) {
  LogAttributes attributes;
  if (auto bad = read_attributes(resource.attributes(), attributes)) return bad;
  for (const otlp::KeyValue& attribute : resource.attributes())
    if (attribute.key() == "service.name" && attribute.value().has_string_value())
      out.service = attribute.value().string_value();
  if (attributes.empty()) return std::nullopt;
  JsonWriter json(out.resource);
  json.begin_object();
  for (const auto& [name, value] : attributes) json.key(name).raw(value);
  json.end_object();
  return std::nullopt;
}

Found read_record(const otlp::LogRecord& in, LogRecord& out) {
  out.time_ns = nanos(in.time_unix_nano() != 0 ? in.time_unix_nano() : in.observed_time_unix_nano());
  out.severity = in.severity_text();
  out.severity_number = in.severity_number() >= 1 && in.severity_number() <= 24 ? in.severity_number() : 0;
  out.event_name = in.event_name();
  if (auto bad = check_text(out.severity + out.event_name, "severity or event name")) return bad;
  // Ids of another length are none (W3C Trace Context).
  if (in.trace_id().size() == 16) out.trace_id = to_hex(in.trace_id());
  if (in.span_id().size() == 8) out.span_id = to_hex(in.span_id());
  if (in.has_body() && in.body().value_case() != otlp::AnyValue::VALUE_NOT_SET)
    if (auto bad = json_of(in.body(), out.body)) return bad;
  return read_attributes(in.attributes(), out.attributes);
}

Found known_fault(const OtlpFaults& faults, const google::protobuf::MessageLite& message) {
  const auto found = faults.find(&message);
  return found == faults.end() ? Found() : found->second;
}

void add_record(const otlp::LogRecord& in, const Shared& shared, const OtlpFaults& faults, LogCollector& out) {
  if (shared.bad) return out.reject(shared.bad->code, shared.bad->message);
  if (const Found bad = known_fault(faults, in)) return out.reject(bad->code, bad->message);
  LogRecord record;
  record.source = "otlp";
  record.service = shared.service;
  record.resource = shared.resource;
  record.scope = shared.scope;
  record.scope_version = shared.scope_version;
  if (auto bad = read_record(in, record)) return out.reject(bad->code, std::move(bad->message));
  out.add(record);
}

LogsResult records_of(const otlp::ExportLogsRequest& request, const OtlpFaults& faults, std::string_view tenant,
                      int64_t received_at_us) {
  LogCollector out(tenant, received_at_us);
  for (const otlp::ResourceLogs& resource : request.resource_logs()) {
    Shared shared;
    shared.bad = known_fault(faults, resource);
    if (!shared.bad) shared.bad = read_resource(resource.resource(), shared);
    const Found bad_resource = shared.bad;
    for (const otlp::ScopeLogs& scope : resource.scope_logs()) {
      shared.scope = scope.scope().name();
      shared.scope_version = scope.scope().version();
      shared.bad = bad_resource ? bad_resource : known_fault(faults, scope);
      if (!shared.bad) shared.bad = check_text(shared.scope + shared.scope_version, "the scope");
      for (const otlp::LogRecord& record : scope.log_records()) {
        if (out.is_full()) return too_many_logs();
        add_record(record, shared, faults, out);
      }
    }
  }
  return out.take();
}

// Codes of gRPC, which OTLP's failures have in them.
int grpc_code(int status) {
  switch (status) {
    case 401: return 16;
    case 403: return 7;
    case 404: return 5;
    case 429: return 8;
    case 503: return 14;
    default: return status < 500 ? 3 : 13;
  }
}

http::Response protobuf_response(int status, const google::protobuf::MessageLite& message) {
  http::Response response;
  response.status = status;
  response.content_type = kProtobufType;
  response.body = message.SerializeAsString();
  // A message with nothing to say has no bytes, and is still one of this type.
  if (response.body.empty()) response.headers.emplace_back("Content-Type", kProtobufType);
  return response;
}

}  // namespace

OtlpEncoding otlp_encoding(const http::Request& request) {
  const std::string type = lower_case(request.header("content-type"));
  if (type.find("json") != std::string::npos) return OtlpEncoding::kJson;
  if (type.find("protobuf") != std::string::npos) return OtlpEncoding::kProtobuf;
  const std::string_view begin = trim(without_mark(std::string_view(request.body).substr(0, 64)), " \t\r\n");
  // Whoever says nothing at all is a person with curl more likely than a client of OTLP.
  return begin.empty() || begin.starts_with('{') ? OtlpEncoding::kJson : OtlpEncoding::kProtobuf;
}

LogsResult parse_otlp_logs(std::string_view body, OtlpEncoding encoding, std::string_view tenant,
                           int64_t received_at_us) {
  const size_t messages =
      encoding == OtlpEncoding::kJson ? otlp_json_messages(body) : otlp_protobuf_messages(body, kOtlpMessagesMax);
  if (messages > kOtlpMessagesMax) return too_many_logs();
  google::protobuf::Arena arena;
  auto& request = *google::protobuf::Arena::CreateMessage<otlp::ExportLogsRequest>(&arena);
  OtlpFaults faults;
  if (encoding == OtlpEncoding::kJson) {
    if (Status read = read_otlp_json(body, request, faults); !read) return no_logs(std::move(read).error().message);
  } else if (body.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
             !request.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return no_logs("the body is no ExportLogsServiceRequest of OTLP in Protobuf");
  }
  return records_of(request, faults, tenant, received_at_us);
}

http::Response otlp_logs_taken(OtlpEncoding encoding, const Parsed& outcome) {
  const size_t rejected = outcome.rejected.size();
  if (encoding == OtlpEncoding::kProtobuf) {
    otlp::ExportLogsResponse response;
    if (rejected > 0) {
      response.mutable_partial_success()->set_rejected_log_records(static_cast<int64_t>(rejected));
      response.mutable_partial_success()->set_error_message(outcome.rejected.front().message);
    }
    return protobuf_response(200, response);
  }
  return json_response(200, [&](JsonWriter& json) {
    if (rejected == 0) return;
    // 64-bit numbers are texts in Protobuf's JSON.
    json.key("partialSuccess").begin_object().member("rejectedLogRecords", std::to_string(rejected));
    json.member("errorMessage", outcome.rejected.front().message).end_object();
  });
}

http::Response otlp_logs_refused(OtlpEncoding encoding, int status, std::string_view message) {
  if (encoding == OtlpEncoding::kProtobuf) {
    otlp::Status refusal;
    refusal.set_code(grpc_code(status));
    refusal.set_message(std::string(message));
    return protobuf_response(status, refusal);
  }
  return json_response(status,
                       [&](JsonWriter& json) { json.member("code", grpc_code(status)).member("message", message); });
}

}  // namespace freshet::ingest
