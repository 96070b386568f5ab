// Statements are made once, by the columns that the configuration chooses; every value goes as a parameter, never as
// text, so that nothing that a customer sends is SQL.
#include "sinks/postgres/tables.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <utility>

#include "base/assert.h"
#include "base/text.h"

namespace freshet::sinks {
namespace {

constexpr const char* kPlaces = "freshet_sinks";
constexpr const char* kErased = "freshet_erased";
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

// A text[] of PostgreSQL. REQUIRES: ids in hex, so that nothing has to be escaped.
std::string array_of(const std::vector<std::string>& ids) { return "{" + joined(ids, ",") + "}"; }

Status done(const Result<SqlRows>& result) {
  if (!result) return tl::unexpected(result.error());
  return {};
}

class SqlTables final : public SinkTables {
 public:
  SqlTables(std::unique_ptr<SqlConnection> sql, const std::string& tenant, model::Sink sink);
  [[nodiscard]] Status prepare();

  bool is_open() const override { return sql_->is_open(); }
  Status begin() override { return done(sql_->run("BEGIN")); }
  Status commit() override { return done(sql_->run("COMMIT")); }
  Status rollback() override { return done(sql_->run("ROLLBACK")); }
  Status prepare_part(env::TimeUs received_at_us) override;
  Result<std::optional<eventlog::Offset>> place(eventlog::TopicPartition of) override;
  Status begin_place(eventlog::TopicPartition of, eventlog::Offset from) override;
  Status set_place(eventlog::TopicPartition of, eventlog::Offset next) override;
  Status write_events(const std::string& rows) override;
  Status write_profiles(const std::string& rows) override;
  Status remove_profiles(const std::string& ids) override;
  Status note_erased(const std::vector<std::string>& ids) override;
  Status settle_erased() override;
  Result<std::vector<std::string>> parts() override;
  Result<uint64_t> delete_events(const std::string& part, const std::vector<std::string>& ids) override;
  Result<SqlRows> read_profiles(const std::string& ids) override;

 private:
  struct Column {
    std::string name;
    std::string type;
    bool own = false;  // one of the sink's `columns`
  };
  [[nodiscard]] std::vector<Column> columns() const;
  [[nodiscard]] Status check();
  [[nodiscard]] Status prepare_erasures();
  [[nodiscard]] std::string beside(const char* table) const;
  [[nodiscard]] std::string list_of_columns(std::string_view prefix) const;
  [[nodiscard]] std::string types_of_columns() const;

  const std::unique_ptr<SqlConnection> sql_;
  const model::Sink sink_;
  const std::string key_;  // of the table of places
  std::string schema_;
  std::string table_;               // as statements have it
  std::string plain_;               // without its schema
  std::vector<std::string> parts_;  // that are there
};

SqlTables::SqlTables(std::unique_ptr<SqlConnection> sql, const std::string& tenant, model::Sink sink)
    : sql_(std::move(sql)), sink_(std::move(sink)), key_(tenant + "/" + sink_.name) {
  const size_t dot = sink_.table.find('.');
  if (dot != std::string::npos) schema_ = sink_.table.substr(0, dot);
  plain_ = dot == std::string::npos ? sink_.table : sink_.table.substr(dot + 1);
  table_ = (schema_.empty() ? "" : sql_name(schema_) + ".") + sql_name(plain_);
}

std::vector<SqlTables::Column> SqlTables::columns() const {
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

std::string SqlTables::list_of_columns(std::string_view prefix) const {
  std::string out;
  for (const Column& column : columns()) out += (out.empty() ? "" : ", ") + std::string(prefix) + sql_name(column.name);
  return out;
}

std::string SqlTables::types_of_columns() const {
  std::string out;
  for (const Column& column : columns()) out += (out.empty() ? "" : ", ") + sql_name(column.name) + " " + column.type;
  return out;
}

Status SqlTables::prepare() {
  const bool events = sink_.on == model::SinkOn::kEvents;
  if (!schema_.empty()) FRESHET_TRY(done(sql_->run("CREATE SCHEMA IF NOT EXISTS " + sql_name(schema_))));
  const std::string places = beside(kPlaces);
  FRESHET_TRY(done(sql_->run("CREATE TABLE IF NOT EXISTS " + places +
                             " (sink text, topic text, log_partition integer, next bigint NOT NULL, "
                             "PRIMARY KEY (sink, topic, log_partition))")));
  FRESHET_TRY(done(sql_->run("CREATE TABLE IF NOT EXISTS " + table_ + " (" + types_of_columns() + ", PRIMARY KEY (" +
                             (events ? "received_at, log_partition, log_offset" : "id") + "))" +
                             (events ? " PARTITION BY RANGE (received_at)" : ""))));
  FRESHET_TRY(check());
  return events ? prepare_erasures() : Status{};
}

// The indexes are what rows of a person are found by. They are made while the table has no parts, as a table with rows
// would be locked for as long as it takes: on one from an older release they are the owner's to make (docs/sinks.md).
Status SqlTables::prepare_erasures() {
  FRESHET_TRY(done(
      sql_->run("CREATE TABLE IF NOT EXISTS " + beside(kErased) + " (sink text, id text, PRIMARY KEY (sink, id))")));
  FRESHET_ASSIGN(const auto there, parts());
  if (!there.empty()) return {};
  FRESHET_TRY(done(
      sql_->run("CREATE INDEX IF NOT EXISTS " + sql_name(plain_ + "_user") + " ON " + table_ + " (user_profile)")));
  return done(sql_->run("CREATE INDEX IF NOT EXISTS " + sql_name(plain_ + "_device") + " ON " + table_ +
                        " (device_profile) WHERE user_profile IS NULL"));
}

Status SqlTables::note_erased(const std::vector<std::string>& ids) {
  return done(sql_->run("INSERT INTO " + beside(kErased) + " SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
                        {key_, array_of(ids)}));
}

// Whoever writes events has read the table of erased profiles in the same transaction, and so has a lock on it until
// that ends. REQUIRES: a transaction of its own.
Status SqlTables::settle_erased() {
  return done(sql_->run("LOCK TABLE " + beside(kErased) + " IN ACCESS EXCLUSIVE MODE"));
}

Result<std::vector<std::string>> SqlTables::parts() {
  FRESHET_ASSIGN(
      const SqlRows rows,
      sql_->run("SELECT relid::text FROM pg_partition_tree($1::regclass) WHERE isleaf AND relid <> $1::regclass",
                {table_}));
  std::vector<std::string> all;
  for (const SqlRow& row : rows) all.push_back(row[0].value_or(""));
  return all;
}

// An event without a user is its device's.
Result<uint64_t> SqlTables::delete_events(const std::string& part, const std::vector<std::string>& ids) {
  FRESHET_ASSIGN(
      const SqlRows rows,
      sql_->run(
          fmt::format("WITH gone AS (DELETE FROM {} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {} WHERE user_profile = "
                      "ANY($1::text[]) OR (user_profile IS NULL AND device_profile = ANY($1::text[])) LIMIT {})) "
                      "RETURNING 1) SELECT count(*) FROM gone",
                      part, part, kErasedInStep),
          {array_of(ids)}));
  uint64_t count = 0;
  const std::string text = rows.empty() ? "" : rows[0][0].value_or("");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc()) return fail(Code::kFatal, "PostgreSQL does not say how many rows it has deleted");
  return count;
}

std::string SqlTables::beside(const char* table) const {
  return (schema_.empty() ? "" : sql_name(schema_) + ".") + table;
}

// Somebody else may have made the table, or changed it.
Status SqlTables::check() {
  FRESHET_ASSIGN(const SqlRows rows,
                 sql_->run("SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute a WHERE a.attrelid = "
                           "$1::regclass AND a.attnum > 0 AND NOT a.attisdropped",
                           {table_}));
  std::map<std::string, std::string> there;
  for (const SqlRow& row : rows) there[row[0].value_or("")] = row[1].value_or("");
  for (const Column& column : columns()) {
    const auto found = there.find(column.name);
    if (found == there.end() && column.own) {
      FRESHET_TRY(done(sql_->run("ALTER TABLE " + table_ + " ADD COLUMN IF NOT EXISTS " + sql_name(column.name) + " " +
                                 column.type)));
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

Status SqlTables::prepare_part(env::TimeUs received_at_us) {
  FRESHET_ASSERT(sink_.on == model::SinkOn::kEvents);
  const PartSpan span = span_of(received_at_us, sink_.part_by);
  if (std::find(parts_.begin(), parts_.end(), span.name) != parts_.end()) return {};
  const std::string name = (schema_.empty() ? "" : sql_name(schema_) + ".") + sql_name(plain_ + "_" + span.name);
  FRESHET_TRY(done(sql_->run("CREATE TABLE IF NOT EXISTS " + name + " PARTITION OF " + table_ + " FOR VALUES FROM (" +
                             sql_text(span.from) + ") TO (" + sql_text(span.to) + ")")));
  if (parts_.size() >= kPartsKnownMax) parts_.clear();
  parts_.push_back(span.name);
  return {};
}

Result<std::optional<eventlog::Offset>> SqlTables::place(eventlog::TopicPartition of) {
  const std::string places = beside(kPlaces);
  FRESHET_ASSIGN(const SqlRows rows, sql_->run("SELECT next FROM " + places +
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

Status SqlTables::begin_place(eventlog::TopicPartition of, eventlog::Offset from) {
  return done(
      sql_->run("INSERT INTO " + beside(kPlaces) + " VALUES ($1, $2, $3::integer, $4::bigint) ON CONFLICT DO NOTHING",
                {key_, std::string(name_of(of.topic)), std::to_string(of.partition), std::to_string(from)}));
}

Status SqlTables::set_place(eventlog::TopicPartition of, eventlog::Offset next) {
  return done(sql_->run("UPDATE " + beside(kPlaces) +
                            " SET next = $4::bigint WHERE sink = $1 AND topic = $2 AND log_partition = $3::integer",
                        {key_, std::string(name_of(of.topic)), std::to_string(of.partition), std::to_string(next)}));
}

Status SqlTables::write_events(const std::string& rows) {
  return done(sql_->run("INSERT INTO " + table_ + " (" + list_of_columns("") + ") SELECT " + list_of_columns("r.") +
                            " FROM json_to_recordset($1::json) AS r(" + types_of_columns() +
                            ") WHERE NOT EXISTS (SELECT FROM " + beside(kErased) +
                            " e WHERE e.sink = $2 AND e.id = coalesce(r.user_profile, r.device_profile)) "
                            "ON CONFLICT DO NOTHING",
                        {without_nul(rows), key_}));
}

Status SqlTables::write_profiles(const std::string& rows) {
  std::string sets;
  for (const Column& column : columns())
    if (column.name != "id")
      sets += (sets.empty() ? "" : ", ") + sql_name(column.name) + " = EXCLUDED." + sql_name(column.name);
  return done(sql_->run("INSERT INTO " + table_ + " AS t (" + list_of_columns("") + ") SELECT " +
                            list_of_columns("r.") + " FROM json_to_recordset($1::json) AS r(" + types_of_columns() +
                            ") ON CONFLICT (id) DO UPDATE SET " + sets + " WHERE t.version < EXCLUDED.version",
                        {without_nul(rows)}));
}

Status SqlTables::remove_profiles(const std::string& ids) {
  return done(sql_->run("DELETE FROM " + table_ + " WHERE id IN (SELECT json_array_elements_text($1::json))", {ids}));
}

Result<SqlRows> SqlTables::read_profiles(const std::string& ids) {
  return sql_->run("SELECT id, state FROM " + table_ + " WHERE id IN (SELECT json_array_elements_text($1::json))",
                   {ids});
}

}  // namespace

Result<std::unique_ptr<SinkTables>> open_tables(std::unique_ptr<SqlConnection> sql, const std::string& tenant,
                                                const model::Sink& sink) {
  auto tables = std::make_unique<SqlTables>(std::move(sql), tenant, sink);
  FRESHET_TRY(tables->prepare());
  return std::unique_ptr<SinkTables>(std::move(tables));
}

}  // namespace freshet::sinks
