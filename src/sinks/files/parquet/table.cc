// Every record is read as JSON, as people see it in the files of lines: a column is a member of it, or of its
// properties. A value that is not of its column's type is null there; `properties` has it all the same.
#include "sinks/files/parquet/table.h"

#include <simdjson.h>

#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "model/time.h"
#include "sinks/files/json.h"
#include "sinks/files/parquet/writer.h"

namespace freshet::sinks {
namespace {

using Element = simdjson::dom::element;
using model::ColumnType;

struct Member {
  std::string_view name;
  ColumnType type;
};

constexpr std::array<Member, 10> kMembersOfEvents = {{{"message_id", ColumnType::kText},
                                                      {"tenant", ColumnType::kText},
                                                      {"user", ColumnType::kText},
                                                      {"device", ColumnType::kText},
                                                      {"event", ColumnType::kText},
                                                      {"timestamp", ColumnType::kTime},
                                                      {"received_at", ColumnType::kTime},
                                                      {"source", ColumnType::kText},
                                                      {"properties", ColumnType::kJson},
                                                      {"enriched", ColumnType::kJson}}};
constexpr std::array<Member, 8> kMembersOfChanges = {{{"tenant", ColumnType::kText},
                                                      {"kind", ColumnType::kText},
                                                      {"id", ColumnType::kText},
                                                      {"version", ColumnType::kInteger},
                                                      {"received_at", ColumnType::kTime},
                                                      {"removed", ColumnType::kBoolean},
                                                      {"whole", ColumnType::kBoolean},
                                                      {"ops", ColumnType::kJson}}};
constexpr std::array<Member, 4> kMembersOfErasures = {{{"id", ColumnType::kText},
                                                       {"kind", ColumnType::kText},
                                                       {"erased_at", ColumnType::kTime},
                                                       {"merged", ColumnType::kJson}}};
constexpr std::string_view kEnrichedPrefix = "enriched.";
constexpr double kWholeMax = 9007199254740992;  // 2^53: above, a double does not say which whole number it was

ParquetColumn column_of(std::string_view name, ColumnType type) {
  const std::string text(name);
  switch (type) {
    case ColumnType::kText: return {text, Physical::kBytes, Logical::kText};
    case ColumnType::kNumber: return {text, Physical::kDouble, Logical::kNothing};
    case ColumnType::kInteger: return {text, Physical::kInt64, Logical::kNothing};
    case ColumnType::kBoolean: return {text, Physical::kBoolean, Logical::kNothing};
    case ColumnType::kTime: return {text, Physical::kInt64, Logical::kTimeUs};
    case ColumnType::kJson: break;
  }
  return {text, Physical::kBytes, Logical::kJson};
}

std::optional<int64_t> whole_of(const Element& value) {
  int64_t whole = 0;
  double number = 0;
  if (value.get_int64().get(whole) == simdjson::SUCCESS) return whole;
  if (value.get_double().get(number) != simdjson::SUCCESS) return std::nullopt;
  if (std::trunc(number) != number || std::abs(number) > kWholeMax) return std::nullopt;
  return static_cast<int64_t>(number);
}

std::optional<int64_t> time_of(const Element& value) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return std::nullopt;
  return model::parse_time(text);
}

template <class T, class Add>
void add_or_null(ColumnChunk& chunk, const std::optional<T>& value, const Add& method) {
  value ? (chunk.*method)(*value) : chunk.add_null();
}

void add(ColumnChunk& chunk, ColumnType type, const simdjson::simdjson_result<Element>& found) {
  Element value;
  if (found.get(value) != simdjson::SUCCESS || value.is_null()) return chunk.add_null();
  std::string_view text;
  double number = 0;
  bool truth = false;
  switch (type) {
    case ColumnType::kText:
      if (value.get_string().get(text) == simdjson::SUCCESS) return chunk.add_bytes(text);
      return chunk.add_bytes(std::string(simdjson::minify(value)));
    case ColumnType::kNumber:
      if (value.get_double().get(number) == simdjson::SUCCESS) return chunk.add_number(number);
      return chunk.add_null();
    case ColumnType::kBoolean:
      if (value.get_bool().get(truth) == simdjson::SUCCESS) return chunk.add_boolean(truth);
      return chunk.add_null();
    case ColumnType::kInteger: return add_or_null(chunk, whole_of(value), &ColumnChunk::add_integer);
    case ColumnType::kTime: return add_or_null(chunk, time_of(value), &ColumnChunk::add_integer);
    case ColumnType::kJson: return chunk.add_bytes(std::string(simdjson::minify(value)));
  }
}

const std::vector<std::string> kNoColumns;

std::span<const Member> members_of(eventlog::Topic topic) {
  if (topic == eventlog::Topic::kEvents) return kMembersOfEvents;
  if (topic == eventlog::Topic::kDeadLetters) return kMembersOfErasures;
  return kMembersOfChanges;
}

}  // namespace

std::string parquet_of(eventlog::TopicPartition from, std::span<const Item* const> items,
                       const std::vector<std::string>& columns, model::Compression how) {
  const std::span<const Member> members = members_of(from.topic);
  std::vector<ParquetColumn> table = {{"log_partition", Physical::kInt32, Logical::kNothing, true},
                                      {"log_offset", Physical::kInt64, Logical::kNothing, true}};
  for (const Member& member : members) table.push_back(column_of(member.name, member.type));
  std::vector<model::FileColumn> chosen;
  for (const std::string& column : from.topic == eventlog::Topic::kEvents ? columns : kNoColumns) {
    chosen.push_back(model::file_column(column));
    table.push_back(column_of(chosen.back().name, chosen.back().type));
  }
  ParquetWriter writer(table, how);
  simdjson::dom::parser parser;
  for (const Item* const item : items) {
    const std::string json = json_of(*item, from.topic);
    const simdjson::simdjson_result<Element> record = parser.parse(json);
    size_t at = 0;
    writer.column(at++).add_integer(from.partition);
    writer.column(at++).add_integer(item->offset);
    for (const Member& member : members) add(writer.column(at++), member.type, record[member.name]);
    for (const model::FileColumn& column : chosen) {
      const bool enriched = column.name.starts_with(kEnrichedPrefix);
      const std::string_view name = enriched ? column.name.substr(kEnrichedPrefix.size()) : column.name;
      add(writer.column(at++), column.type, record[enriched ? "enriched" : "properties"][name]);
    }
    writer.end_row();
  }
  return writer.finish();
}

}  // namespace freshet::sinks
