// A log record as topic `logs` has it: docs/format/logs.md. One JSON object a record, whatever it came as.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/source.h"

namespace freshet::ingest {

inline constexpr size_t kLogBytesMax = 256u << 10;  // of a record in the topic
inline constexpr size_t kLogRecordsMax = 20'000;    // of a request
inline constexpr size_t kLogsBytesMax = 8u << 20;   // the same, as they are in the topic, each with its resource
inline constexpr size_t kLogDepthMax = 16;          // of what a body or an attribute holds

// Names and values, which are JSON. REQUIRES: valid UTF-8.
using LogAttributes = std::map<std::string, std::string, std::less<>>;

// What a record says; "" and 0 mean that it does not. REQUIRES: texts are valid UTF-8.
struct LogRecord {
  std::string_view source;  // otlp or lines
  int64_t time_ns = 0;
  int severity_number = 0;  // OpenTelemetry's: 1 to 24
  std::string severity;
  std::string service;
  std::string event_name;
  std::string body;  // JSON
  LogAttributes attributes;
  std::string resource;  // a JSON object
  std::string scope;
  std::string scope_version;
  std::string trace_id;  // hex
  std::string span_id;
};

// What is written to the topic.
struct LogEntry {
  std::string key;  // "tenant/service": what is of one service keeps its order
  std::string value;
};
[[nodiscard]] LogEntry log_entry(const LogRecord& record, std::string_view tenant, int64_t received_at_us);

// OpenTelemetry's number of a word such as "warn" or "ERROR"; 0: it is none of them.
[[nodiscard]] int severity_of(std::string_view word);

// What came of a request. Each record ends in one entry or one rejection of `outcome`, which has no envelopes.
struct ParsedLogs {
  std::vector<LogEntry> entries;
  Parsed outcome;
};

// Why a record can't be kept.
struct LogFault {
  std::string_view code;  // lives for ever
  std::string message;
};
[[nodiscard]] LogFault too_deep_log();

// Collects what a parser finds, within the bounds of a request.
class LogCollector {
 public:
  LogCollector(std::string_view tenant, int64_t received_at_us) : tenant_(tenant), received_at_us_(received_at_us) {}

  void add(const LogRecord& record);
  void reject(std::string_view code, std::string message);
  // Whether another record would be too many: the request is to be refused then.
  [[nodiscard]] bool is_full() const;
  [[nodiscard]] ParsedLogs take() { return std::move(out_); }

 private:
  const std::string_view tenant_;
  const int64_t received_at_us_;
  size_t bytes_ = 0;
  ParsedLogs out_;
};

// Nothing of a request is taken: it is none, or has more than fits.
using LogsResult = tl::expected<ParsedLogs, Refusal>;
[[nodiscard]] tl::unexpected<Refusal> no_logs(std::string message);
[[nodiscard]] tl::unexpected<Refusal> too_many_logs();

}  // namespace freshet::ingest
