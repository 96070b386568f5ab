// The tables of a sink in PostgreSQL: made where they are missing, looked over where they are there, and what is
// written into them. docs/sinks.md has them for readers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutant.h"
#include "sinks/postgres/connection.h"
#include "sinks/sink.h"

namespace freshet::sinks {

// What the sink asks of its target. One thread uses it; errors are SqlConnection's. The simulator has one in memory.
class SinkTables {
 public:
  virtual ~SinkTables() = default;

  // False: it is of no more use, and what was not committed is gone.
  [[nodiscard]] virtual bool is_open() const = 0;
  [[nodiscard]] virtual Status begin() = 0;
  // Not ok: whether it was done is known only if rollback() is ok.
  [[nodiscard]] virtual Status commit() = 0;
  [[nodiscard]] virtual Status rollback() = 0;

  // Makes the part of the table that events of this time go into. REQUIRES: they are events.
  [[nodiscard]] virtual Status prepare_part(env::TimeUs received_at_us) = 0;

  // The place of the sink in a partition, locked for the transaction; nullopt: there is none.
  [[nodiscard]] virtual Result<std::optional<eventlog::Offset>> place(eventlog::TopicPartition of) = 0;
  // Makes it unless it is there, so that it can be locked: where there is none, place() keeps nobody away. REQUIRES: no
  // transaction is open.
  [[nodiscard]] virtual Status begin_place(eventlog::TopicPartition of, eventlog::Offset from) = 0;
  // REQUIRES: it is there.
  [[nodiscard]] virtual Status set_place(eventlog::TopicPartition of, eventlog::Offset next) = 0;

  // `rows`: a JSON array of objects with the members that the table has as columns. Events that are there already, and
  // those of profiles that were erased, are left out.
  [[nodiscard]] virtual Status write_events(const std::string& rows) = 0;
  // Only over lower versions.
  [[nodiscard]] virtual Status write_profiles(const std::string& rows) = 0;
  // `ids`: a JSON array.
  [[nodiscard]] virtual Status remove_profiles(const std::string& ids) = 0;
  // Of somebody who was erased: none of these profiles gets a row of events any more. It counts for statements that
  // begin after the transaction; `settle_erased` waits for those that had begun before.
  [[nodiscard]] virtual Status note_erased(const std::vector<std::string>& ids) = 0;
  [[nodiscard]] virtual Status settle_erased() = 0;
  // The leaves of the table of events, as statements have them.
  [[nodiscard]] virtual Result<std::vector<std::string>> parts() = 0;
  // Deletes rows of these profiles from a part, kErasedInStep at most: how many there were.
  static constexpr uint64_t kErasedInStep = FRESHET_BOUND(5000, 2);
  [[nodiscard]] virtual Result<uint64_t> delete_events(const std::string& part,
                                                       const std::vector<std::string>& ids) = 0;

  // (id, state in hex) of those that are there. `ids`: a JSON array.
  [[nodiscard]] virtual Result<SqlRows> read_profiles(const std::string& ids) = 0;
};

// Makes tables and columns that are missing. kFatal: one is not as it must be: what, and what would be right.
[[nodiscard]] Result<std::unique_ptr<SinkTables>> open_tables(std::unique_ptr<SqlConnection> sql,
                                                              const std::string& tenant, const model::Sink& sink);

}  // namespace freshet::sinks
