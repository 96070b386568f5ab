#include "ingest/sources/logs/log_record.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "model/time.h"

namespace freshet::ingest {
namespace {

// RFC 3339 with all nine digits, because logs of one millisecond have an order.
std::string nanosecond_time(int64_t time_ns) {
  FRESHET_ASSERT(time_ns >= 0);
  std::string out = model::format_time(time_ns / 1000);
  const std::string nanos = std::to_string(time_ns % 1'000'000'000);
  const size_t point = out.rfind('.');
  FRESHET_ASSERT(point != std::string::npos);
  out.resize(point + 1);
  return out.append(9 - nanos.size(), '0').append(nanos).append("Z");
}

void put_text(JsonWriter& json, std::string_view name, const std::string& text) {
  if (!text.empty()) json.member(name, text);
}

void put_json(JsonWriter& json, std::string_view name, const std::string& value) {
  if (!value.empty()) json.key(name).raw(value);
}

}  // namespace

int severity_of(std::string_view word) {
  using Named = std::pair<std::string_view, int>;
  constexpr std::array<Named, 13> kSeverities = {{{"trace", 1},
                                                  {"verbose", 1},
                                                  {"debug", 5},
                                                  {"info", 9},
                                                  {"information", 9},
                                                  {"notice", 10},
                                                  {"warn", 13},
                                                  {"warning", 13},
                                                  {"error", 17},
                                                  {"err", 17},
                                                  {"critical", 21},
                                                  {"fatal", 21},
                                                  {"panic", 21}}};
  const std::string lower = lower_case(word.substr(0, 16));
  const auto* const found =
      std::find_if(kSeverities.begin(), kSeverities.end(), [&](const Named& n) { return n.first == lower; });
  return found == kSeverities.end() ? 0 : found->second;
}

LogEntry log_entry(const LogRecord& record, std::string_view tenant, int64_t received_at_us) {
  LogEntry entry;
  entry.key.append(tenant).append("/").append(record.service);
  JsonWriter json(entry.value);
  json.begin_object();
  json.member("tenant", tenant);
  json.member("time", nanosecond_time(record.time_ns > 0 ? record.time_ns : received_at_us * 1000));
  json.member("received_at", model::format_time(received_at_us));
  json.member("source", record.source);
  put_text(json, "service", record.service);
  put_text(json, "severity", record.severity);
  if (record.severity_number > 0) json.member("severity_number", record.severity_number);
  put_text(json, "event_name", record.event_name);
  put_json(json, "body", record.body);
  if (!record.attributes.empty()) {
    json.key("attributes").begin_object();
    for (const auto& [name, value] : record.attributes) json.key(name).raw(value);
    json.end_object();
  }
  put_json(json, "resource", record.resource);
  put_text(json, "scope", record.scope);
  put_text(json, "scope_version", record.scope_version);
  put_text(json, "trace_id", record.trace_id);
  put_text(json, "span_id", record.span_id);
  json.end_object();
  return entry;
}

LogFault too_deep_log() {
  return {"too_deep", "a value is nested deeper than " + std::to_string(kLogDepthMax) + " levels; flatten it"};
}

void LogCollector::add(const LogRecord& record) {
  LogEntry entry = log_entry(record, tenant_, received_at_us_);
  if (entry.value.size() > kLogBytesMax)
    return reject("too_large", "the record has " + std::to_string(entry.value.size()) + " bytes with its resource; " +
                                   std::to_string(kLogBytesMax) + " are allowed");
  bytes_ += entry.key.size() + entry.value.size();
  ++out_.outcome.item_count;
  out_.entries.push_back(std::move(entry));
}

void LogCollector::reject(std::string_view code, std::string message) {
  Rejection& rejection = out_.outcome.rejected.emplace_back();
  rejection.index = out_.outcome.item_count++;
  rejection.code = code;
  rejection.message = std::move(message);
}

bool LogCollector::is_full() const { return out_.outcome.item_count >= kLogRecordsMax || bytes_ >= kLogsBytesMax; }

tl::unexpected<Refusal> no_logs(std::string message) {
  return tl::unexpected(Refusal{400, "bad_request", std::move(message)});
}

tl::unexpected<Refusal> too_many_logs() {
  return tl::unexpected(Refusal{413, "too_large",
                                "the request has more than " + std::to_string(kLogRecordsMax) + " records, " +
                                    std::to_string(kLogsBytesMax >> 20) +
                                    " MiB of them, or a million parts; send fewer at a time"});
}

}  // namespace freshet::ingest
