// The mapping of a CSV file says which column is what. The command and the upload take the same
// YAML: docs/sources/csv.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/names.h"
#include "base/result.h"
#include "ingest/sources/csv/csv_reader.h"
#include "model/tenant.h"
#include "yaml/node.h"

namespace freshet::ingest {

// What anybody with a write key may have the server read.
inline constexpr size_t kCsvMappingBytesMax = 256u << 10;
inline constexpr size_t kCsvMappingStructureMax = 30'000;  // brackets, commas, colons: 2,000 columns have half of that
inline constexpr size_t kCsvMappingProblemsMax = 50;       // that are listed

enum class CsvKind : uint8_t { kUsers, kEvents, kDevices };
[[nodiscard]] constexpr auto names_of(CsvKind) {
  using enum CsvKind;
  return std::to_array<Name<CsvKind>>({{kUsers, "users"}, {kEvents, "events"}, {kDevices, "devices"}});
}
enum class CsvUse : uint8_t { kSkip, kIdentifier, kTimestamp, kProperty, kAttribute, kEvent };
// Those that a column may say.
[[nodiscard]] constexpr auto names_of(CsvUse) {
  using enum CsvUse;
  return std::to_array<Name<CsvUse>>({{kIdentifier, "identifier"},
                                      {kTimestamp, "timestamp"},
                                      {kProperty, "property"},
                                      {kAttribute, "attribute"},
                                      {kSkip, "skip"}});
}
enum class CsvType : uint8_t { kString, kNumber, kBoolean, kTime };
[[nodiscard]] constexpr auto names_of(CsvType) {
  using enum CsvType;
  return std::to_array<Name<CsvType>>(
      {{kString, "string"}, {kNumber, "number"}, {kBoolean, "boolean"}, {kTime, "time"}});
}

// What one column is.
struct CsvColumn {
  std::string column;
  CsvUse use = CsvUse::kSkip;
  CsvType type = CsvType::kString;  // of a property or attribute
  std::string name;                 // identifier type, property or attribute
  std::string format;  // of times: iso8601, epoch_s, epoch_ms or directives ("%Y%m%d"); "" takes any of the first three
};

// A mapping as it was read, not yet compared with a file.
struct CsvMapping {
  CsvKind kind = CsvKind::kEvents;
  std::string event;         // the name of every event; or:
  std::string event_column;  // the column that has it
  std::vector<CsvColumn> columns;

  // The hash of what it means, not of its text: comments and order change nothing.
  [[nodiscard]] Hash128 hash() const;
};

// Tells all problems at once, with their places, and returns nullopt if there were any.
[[nodiscard]] std::optional<CsvMapping> parse_csv_mapping(std::string_view text, yaml::Problems& problems);
// The same; the error's message has one problem on each line.
[[nodiscard]] Result<CsvMapping> parse_csv_mapping(std::string_view text, const std::string& file);

// A mapping bound to a header: it says what each cell of a row is.
struct CsvPlan {
  struct Cell {
    CsvColumn column;
    v1::EntityKind entity = v1::ENTITY_KIND_USER;  // of an identifier
    std::string json_key;                          // of a property: "name": with quotes and colon
  };
  CsvKind kind = CsvKind::kEvents;
  std::string event;
  std::vector<Cell> cells;  // by position in a row
  Hash128 mapping_hash;
};

// kInvalid: this is no header, whatever the mapping says, and why.
[[nodiscard]] Status check_csv_header(std::span<const std::string> header);

// Refuses (kInvalid, with all problems, one on each line) unless the mapping names every column of
// the header and no other, and all of it fits the tenant's rules and limits.
[[nodiscard]] Result<CsvPlan> bind_csv_mapping(const CsvMapping& mapping, std::span<const std::string> header,
                                               const model::Tenant& tenant);

// Guesses a mapping to start from, by the names and some cells of each column. It is YAML with
// comments.
[[nodiscard]] std::string propose_csv_mapping(std::span<const std::string> header,
                                              const std::vector<std::vector<std::string>>& rows);

}  // namespace freshet::ingest
