#include "sinks/postgres/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <utility>

#include "base/assert.h"

namespace freshet::sinks {
namespace {

constexpr const char* kPlaces = "freshet_sinks";
constexpr size_t kPartsKnownMax = 1000;

// The day or month that a time lies in, and the next one: as dates, and as what its table is called by.
struct PartSpan {
  std::string name, from, to;
};

PartSpan span_of(env::TimeUs time, model::PartBy by) {
  using std::chrono::days;
  const std::chrono::sys_days day = std::chrono::floor<days>(
      std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(std::max<env::TimeUs>(time, 0))));
  const auto date = [](std::chrono::year_month_day d) {
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(d.year()), static_cast<unsigned>(d.month()),
                       static_cast<unsigned>(d.day()));
  };
  const std::chrono::year_month_day of(day);
  if (by == model::PartBy::kDay) {
    PartSpan span{date(of), date(of) + " 00:00+00", date(day + days(1)) + " 00:00+00"};
    std::replace(span.name.begin(), span.name.end(), '-', '_');
    return span;
  }
  const std::chrono::year_month_day first = of.year() / of.month() / 1;
  const std::chrono::year_month_day after = first + std::chrono::months(1);
  PartSpan span{date(first).substr(0, 7), date(first) + " 00:00+00", date(after) + " 00:00+00"};
  std::replace(span.name.begin(), span.name.end(), '-', '_');
  return span;
}

// PostgreSQL's text has no NUL; U+FFFD stands where one was.
std::string without_nul(const std::string& json) {
  constexpr std::string_view kNul = "\\u0000";
  std::string out;
  for (size_t i = 0; i < json.size();) {
    const bool escape = json[i] == '\\' && i + 1 < json.size();
    if (escape && std::string_view(json).substr(i).starts_with(kNul)) {
      out += "\\ufffd";
      i += kNul.size();
      continue;
    }
    out.append(json, i, escape ? 2 : 1);
    i += escape ? 2 : 1;
  }
  return out;
}

Status done(const Result<SqlRows>& result) {
  if (!result) return tl::unexpected(result.error());
  return {};
}

}  // namespace

SinkTables::SinkTables(std::string tenant, model::Sink sink)
    : sink_(std::move(sink)), key_(std::move(tenant) + "/" + sink_.name) {
  const size_t dot = sink_.table.find('.');
  if (dot != std::string::npos) schema_ = sink_.table.substr(0, dot);
  plain_ = dot == std::string::npos ? sink_.table : sink_.table.substr(dot + 1);
  table_ = (schema_.empty() ? "" : sql_name(schema_) + ".") + sql_name(plain_);
}

std::vector<SinkTables::Column> SinkTables::columns() const {
  std::vector<Column> all;
  if (sink_.on == model::SinkOn::kEvents) {
    all = {{"received_at", "timestamp with time zone"},
           {"log_partition", "integer"},
           {"log_offset", "bigint"},
           {"message_id", "text"},
           {"event", "text"},
           {"happened_at", "timestamp with time zone"},
           {"user_profile", "text"},
           {"device_profile", "text"},
           {"source", "text"},
           {"properties", "jsonb"},
           {"enriched", "jsonb"}};
  } else {
    all = {{"id", "text"},       {"kind", "text"}, {"version", "bigint"}, {"updated_at", "timestamp with time zone"},
           {"profile", "jsonb"}, {"state", "text"}};
  }
  for (const std::string& name : sink_.columns) all.push_back({name, "text", true});
  return all;
}

std::string SinkTables::list_of_columns(std::string_view prefix) const {
  std::string out;
  for (const Column& column : columns()) out += (out.empty() ? "" : ", ") + std::string(prefix) + sql_name(column.name);
  return out;
}

std::string SinkTables::types_of_columns() const {
  std::string out;
  for (const Column& column : columns()) out += (out.empty() ? "" : ", ") + sql_name(column.name) + " " + column.type;
  return out;
}

Status SinkTables::prepare(SqlConnection& sql) {
  const bool events = sink_.on == model::SinkOn::kEvents;
  parts_.clear();
  if (!schema_.empty()) FRESHET_TRY(done(sql.run("CREATE SCHEMA IF NOT EXISTS " + sql_name(schema_))));
  const std::string places = (schema_.empty() ? "" : sql_name(schema_) + ".") + kPlaces;
  FRESHET_TRY(done(sql.run("CREATE TABLE IF NOT EXISTS " + places +
                           " (sink text, topic text, log_partition integer, next bigint NOT NULL, "
                           "PRIMARY KEY (sink, topic, log_partition))")));
  FRESHET_TRY(done(sql.run("CREATE TABLE IF NOT EXISTS " + table_ + " (" + types_of_columns() + ", PRIMARY KEY (" +
                           (events ? "received_at, log_partition, log_offset" : "id") + "))" +
                           (events ? " PARTITION BY RANGE (received_at)" : ""))));
  return check(sql);
}

// Somebody else may have made the table, or changed it.
Status SinkTables::check(SqlConnection& sql) {
  FRESHET_ASSIGN(const SqlRows rows,
                 sql.run("SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a WHERE a.attrelid = "
                         "$1::regclass AND a.attnum > 0 AND NOT a.attisdropped",
                         {table_}));
  std::map<std::string, std::string> there;
  for (const SqlRow& row : rows) there[row[0].value_or("")] = row[1].value_or("");
  for (const Column& column : columns()) {
    const auto found = there.find(column.name);
    if (found == there.end() && column.own) {
      FRESHET_TRY(done(
          sql.run("ALTER TABLE " + table_ + " ADD COLUMN IF NOT EXISTS " + sql_name(column.name) + " " + column.type)));
    } else if (found == there.end()) {
      return fail(Code::kFatal, fmt::format("table {} has no column {} ({}), which this sink needs: bring it back, or "
                                            "give the sink a table of another name",
                                            table_, column.name, column.type));
    } else if (found->second != column.type) {
      return fail(Code::kFatal,
                  fmt::format("table {}: column {} is {} and must be {}: change it back, or give the sink "
                              "a table of another name",
                              table_, column.name, found->second, column.type));
    }
  }
  return {};
}

Status SinkTables::prepare_part(SqlConnection& sql, env::TimeUs received_at_us) {
  FRESHET_ASSERT(sink_.on == model::SinkOn::kEvents);
  const PartSpan span = span_of(received_at_us, sink_.part_by);
  if (std::find(parts_.begin(), parts_.end(), span.name) != parts_.end()) return {};
  const std::string name = (schema_.empty() ? "" : sql_name(schema_) + ".") + sql_name(plain_ + "_" + span.name);
  FRESHET_TRY(done(sql.run("CREATE TABLE IF NOT EXISTS " + name + " PARTITION OF " + table_ + " FOR VALUES FROM (" +
                           sql_text(span.from) + ") TO (" + sql_text(span.to) + ")")));
  if (parts_.size() >= kPartsKnownMax) parts_.clear();
  parts_.push_back(span.name);
  return {};
}

Result<std::optional<eventlog::Offset>> SinkTables::place(SqlConnection& sql, eventlog::TopicPartition of) {
  const std::string places = (schema_.empty() ? "" : sql_name(schema_) + ".") + kPlaces;
  FRESHET_ASSIGN(const SqlRows rows, sql.run("SELECT next FROM " + places +
                                                 " WHERE sink = $1 AND topic = $2 AND log_partition = $3::integer "
                                                 "FOR UPDATE",
                                             {key_, std::string(name_of(of.topic)), std::to_string(of.partition)}));
  if (rows.empty()) return std::nullopt;
  eventlog::Offset next = 0;
  const std::string text = rows[0][0].value_or("");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), next);
  if (error != std::errc() || next < 0)
    return fail(Code::kFatal, fmt::format("table {}: the place of {} is not a number", places, key_));
  return next;
}

Status SinkTables::set_place(SqlConnection& sql, eventlog::TopicPartition of, eventlog::Offset next) {
  const std::string places = (schema_.empty() ? "" : sql_name(schema_) + ".") + kPlaces;
  return done(sql.run("INSERT INTO " + places +
                          " VALUES ($1, $2, $3::integer, $4::bigint) ON CONFLICT (sink, topic, "
                          "log_partition) DO UPDATE SET next = EXCLUDED.next",
                      {key_, std::string(name_of(of.topic)), std::to_string(of.partition), std::to_string(next)}));
}

Status SinkTables::write_events(SqlConnection& sql, const std::string& rows) {
  return done(sql.run("INSERT INTO " + table_ + " (" + list_of_columns("") + ") SELECT " + list_of_columns("r.") +
                          " FROM json_to_recordset($1::json) AS r(" + types_of_columns() + ") ON CONFLICT DO NOTHING",
                      {without_nul(rows)}));
}

Status SinkTables::write_profiles(SqlConnection& sql, const std::string& rows) {
  std::string sets;
  for (const Column& column : columns())
    if (column.name != "id")
      sets += (sets.empty() ? "" : ", ") + sql_name(column.name) + " = EXCLUDED." + sql_name(column.name);
  return done(sql.run("INSERT INTO " + table_ + " AS t (" + list_of_columns("") + ") SELECT " + list_of_columns("r.") +
                          " FROM json_to_recordset($1::json) AS r(" + types_of_columns() +
                          ") ON CONFLICT (id) DO UPDATE SET " + sets + " WHERE t.version < EXCLUDED.version",
                      {without_nul(rows)}));
}

Status SinkTables::remove_profiles(SqlConnection& sql, const std::string& ids) {
  return done(sql.run("DELETE FROM " + table_ + " WHERE id IN (SELECT json_array_elements_text($1::json))", {ids}));
}

Result<SqlRows> SinkTables::read_profiles(SqlConnection& sql, const std::string& ids) {
  return sql.run("SELECT id, state FROM " + table_ + " WHERE id IN (SELECT json_array_elements_text($1::json))", {ids});
}

}  // namespace freshet::sinks
