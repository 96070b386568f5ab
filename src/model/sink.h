// A sink as a tenant configures it: what leaves Freshet for somebody else's system (docs/sinks.md). src/sinks does it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/names.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::model {

enum class SinkKind : uint8_t { kWebhook, kFiles, kPostgres, kTopic };
[[nodiscard]] constexpr auto names_of(SinkKind) {
  using enum SinkKind;
  return std::to_array<Name<SinkKind>>(
      {{kWebhook, "webhook"}, {kFiles, "files"}, {kPostgres, "postgres"}, {kTopic, "topic"}});
}
// Which topic it reads.
enum class SinkOn : uint8_t { kEvents, kChanges };
[[nodiscard]] constexpr auto names_of(SinkOn) {
  using enum SinkOn;
  return std::to_array<Name<SinkOn>>({{kEvents, "events"}, {kChanges, "changes"}});
}
// Where a sink begins that was not there before.
enum class SinkStart : uint8_t { kOldest, kNow };
[[nodiscard]] constexpr auto names_of(SinkStart) {
  using enum SinkStart;
  return std::to_array<Name<SinkStart>>({{kOldest, "oldest"}, {kNow, "now"}});
}
enum class Compression : uint8_t { kGzip, kZstd, kNone };
[[nodiscard]] constexpr auto names_of(Compression) {
  using enum Compression;
  return std::to_array<Name<Compression>>({{kGzip, "gzip"}, {kZstd, "zstd"}, {kNone, "none"}});
}
// Whether events of different names go into different files.
enum class SplitBy : uint8_t { kNothing, kEvent };
[[nodiscard]] constexpr auto names_of(SplitBy) {
  using enum SplitBy;
  return std::to_array<Name<SplitBy>>({{kNothing, "nothing"}, {kEvent, "event"}});
}
enum class FileFormat : uint8_t { kLines, kParquet };
[[nodiscard]] constexpr auto names_of(FileFormat) {
  using enum FileFormat;
  return std::to_array<Name<FileFormat>>({{kLines, "ndjson"}, {kParquet, "parquet"}});
}
// Of a column of a file that has types.
enum class ColumnType : uint8_t { kText, kNumber, kInteger, kBoolean, kTime, kJson };
[[nodiscard]] constexpr auto names_of(ColumnType) {
  using enum ColumnType;
  return std::to_array<Name<ColumnType>>({{kText, "text"},
                                          {kNumber, "number"},
                                          {kInteger, "integer"},
                                          {kBoolean, "boolean"},
                                          {kTime, "time"},
                                          {kJson, "json"}});
}
// How events are parted in a table.
enum class PartBy : uint8_t { kMonth, kDay };
[[nodiscard]] constexpr auto names_of(PartBy) {
  using enum PartBy;
  return std::to_array<Name<PartBy>>({{kMonth, "month"}, {kDay, "day"}});
}

// A column of a typed file as the configuration has it: NAME, or NAME:TYPE. A view into that text.
struct FileColumn {
  std::string_view name;
  ColumnType type = ColumnType::kText;
  bool known = true;  // its type, or there is none; else the whole is taken for a name
};
[[nodiscard]] inline FileColumn file_column(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {text};
  const auto type = parse_name<ColumnType>(text.substr(colon + 1));
  if (!type) return {text, ColumnType::kText, false};
  return {text.substr(0, colon), *type};
}

struct Sink {
  std::string name;  // each its own in the tenant: the sink's place in the log has this name
  SinkKind kind = SinkKind::kWebhook;
  SinkOn on = SinkOn::kEvents;
  SinkStart start = SinkStart::kOldest;
  std::string event;       // kEvents: only those of this name; "": all
  v1::ComputedRule where;  // only its filters: all must pass
  int64_t every_us = 0;    // how long records are gathered at most; 0: as its kind does

  // kWebhook
  std::string url;
  std::string secret;  // itself, env:NAME or file:PATH; never logged
  std::string ca;      // PEM file of the authority of its certificate; "": those of the system
  uint32_t concurrency = 4;
  uint64_t per_second = 0;  // requests; 0: as many as it takes
  int64_t timeout_us = 10'000'000;

  // kFiles
  std::string to;  // file:///DIRECTORY or s3://BUCKET/PREFIX
  std::string endpoint;
  Compression compression = Compression::kGzip;
  SplitBy split_by = SplitBy::kNothing;
  FileFormat format = FileFormat::kLines;
  uint64_t file_bytes = 16ull << 20;  // before compression

  // kPostgres
  std::string uri;  // itself, env:NAME or file:PATH; never logged
  std::string table;
  // Attributes, computed attributes or properties with a column of their own; of kFiles with types (file_column).
  std::vector<std::string> columns;
  PartBy part_by = PartBy::kMonth;

  // kTopic
  std::string brokers;
  std::string topic;
  // librdkafka's; each value itself, env:NAME or file:PATH; never logged.
  std::vector<std::pair<std::string, std::string>> properties;
  uint32_t replication = 0;  // of a topic that is made; 0: three, but no more than there are brokers

 private:
  [[nodiscard]] auto all() const {
    return std::tie(name, kind, on, start, event, every_us, url, secret, ca, concurrency, per_second, timeout_us, to,
                    endpoint, compression, split_by, format, file_bytes, uri, table, columns, part_by, brokers, topic,
                    properties, replication);
  }
  [[nodiscard]] std::string tests() const { return where.SerializeAsString(); }

 public:
  friend bool operator==(const Sink& a, const Sink& b) { return a.all() == b.all() && a.tests() == b.tests(); }
};

}  // namespace freshet::model
