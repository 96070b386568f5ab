// The tables of a sink in PostgreSQL: made where they are missing, looked over where they are there, and what is
// written into them. docs/sinks.md has them for readers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sinks/postgres/connection.h"
#include "sinks/sink.h"

namespace freshet::sinks {

class SinkTables {
 public:
  static constexpr uint64_t kErasedInStep = 5000;

  SinkTables(std::string tenant, model::Sink sink);

  // Makes tables and columns that are missing. kFatal: one is not as it must be: what, and what would be right.
  [[nodiscard]] Status prepare(SqlConnection& sql);
  // Makes the part of the table that events of this time go into. REQUIRES: they are events.
  [[nodiscard]] Status prepare_part(SqlConnection& sql, env::TimeUs received_at_us);

  // The place of the sink in a partition, locked for the transaction; nullopt: there is none.
  [[nodiscard]] Result<std::optional<eventlog::Offset>> place(SqlConnection& sql, eventlog::TopicPartition of);
  [[nodiscard]] Status set_place(SqlConnection& sql, eventlog::TopicPartition of, eventlog::Offset next);

  // `rows`: a JSON array of objects with the members that columns_of() names.
  [[nodiscard]] Status write_events(SqlConnection& sql, const std::string& rows);
  [[nodiscard]] Status write_profiles(SqlConnection& sql, const std::string& rows);
  [[nodiscard]] Status remove_profiles(SqlConnection& sql, const std::string& ids);
  // Of somebody who was erased: none of these profiles gets a row of events any more. It counts for statements that
  // begin after the transaction; `settle_erased` waits for those that had begun before.
  [[nodiscard]] Status note_erased(SqlConnection& sql, const std::vector<std::string>& ids);
  [[nodiscard]] Status settle_erased(SqlConnection& sql);
  // The leaves of the table of events, as statements have them.
  [[nodiscard]] Result<std::vector<std::string>> parts(SqlConnection& sql);
  // Deletes rows of these profiles from a part, kErasedInStep at most: how many there were.
  [[nodiscard]] Result<uint64_t> delete_events(SqlConnection& sql, const std::string& part,
                                               const std::vector<std::string>& ids);

  // (id, state in hex) of those that are there. `ids`: a JSON array.
  [[nodiscard]] Result<SqlRows> read_profiles(SqlConnection& sql, const std::string& ids);

 private:
  struct Column {
    std::string name;
    std::string type;
    bool own = false;  // one of the sink's `columns`
  };
  [[nodiscard]] std::vector<Column> columns() const;
  [[nodiscard]] Status check(SqlConnection& sql);
  [[nodiscard]] Status prepare_erasures(SqlConnection& sql);
  [[nodiscard]] std::string beside(const char* table) const;
  [[nodiscard]] std::string list_of_columns(std::string_view prefix) const;
  [[nodiscard]] std::string types_of_columns() const;

  const model::Sink sink_;
  const std::string key_;  // of the table of places
  std::string schema_;
  std::string table_;               // as statements have it
  std::string plain_;               // without its schema
  std::vector<std::string> parts_;  // that are there
};

}  // namespace freshet::sinks
