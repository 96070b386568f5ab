// A batch that the server refuses for a value in it is done again record by record, so that the one at fault is known.
#include "sinks/postgres/postgres.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "base/mutant.h"
#include "freshet/v1/event.pb.h"
#include "sinks/postgres/connection.h"
#include "sinks/postgres/event_rows.h"
#include "sinks/postgres/profile_batch.h"

namespace freshet::sinks {
namespace {

constexpr env::TimeUs kPostgresLingerUs = 200'000;
constexpr size_t kPostgresBatchBytes = 1u << 20;

class Postgres final : public Sink {
 public:
  Postgres(const Around& around, OpenTables open) : around_(around), open_(std::move(open)) {}

  [[nodiscard]] Status connect();
  BatchWish wish() const override { return {kPostgresBatchBytes, kPostgresLingerUs}; }
  Result<Resume> assigned(eventlog::TopicPartition of, eventlog::Offset committed) override;
  Status lost(eventlog::TopicPartition of, eventlog::Offset next) override;
  std::vector<Outcome> take(std::span<const Batch> batches) override;

 private:
  [[nodiscard]] bool has_profiles() const { return around_.sink.on == model::SinkOn::kChanges; }
  [[nodiscard]] Status begin(eventlog::TopicPartition of, eventlog::Offset from);
  [[nodiscard]] Outcome write(const Batch& batch);
  [[nodiscard]] Outcome write_each(const Batch& batch);
  // One transaction. kConflict: another process has written since.
  [[nodiscard]] Status write_whole(const Batch& batch);
  [[nodiscard]] Status write_rows(const Batch& batch);
  [[nodiscard]] Status write_profiles(const Batch& batch);
  // Runs `work` in a transaction in which the batch's partition is this process's.
  [[nodiscard]] Status in_transaction(const Batch& batch, const std::function<Status()>& work);
  [[nodiscard]] Status erase(const Batch& batch);
  [[nodiscard]] Status erase_profiles(const Batch& batch, const std::vector<std::string>& ids);
  [[nodiscard]] Outcome outcome_of(const Error& error) const;

  const Around around_;
  const OpenTables open_;
  std::unique_ptr<SinkTables> tables_;                                // null: they have to be opened
  std::map<eventlog::TopicPartition, eventlog::Offset> places_;       // as the table has them
  std::map<eventlog::TopicPartition, eventlog::Offset> asked_after_;  // losses that ended there
};

Status Postgres::connect() {
  if (tables_ != nullptr && tables_->is_open()) return {};
  tables_.reset();
  FRESHET_ASSIGN(tables_, open_());
  return {};
}

// Its own place is committed with the rows, so it is the one that is right; the log's may only be older.
Result<Resume> Postgres::assigned(eventlog::TopicPartition of, eventlog::Offset committed) {
  FRESHET_TRY(connect());
  FRESHET_ASSIGN(auto place, tables_->place(of));
  if (!place) {
    FRESHET_TRY(begin(of, committed));
    FRESHET_ASSIGN(place, tables_->place(of));
    if (!place) return fail(Code::kRetry, "the sink's place was removed as soon as it was made");
  }
  places_[of] = *place;
  return Resume{std::max(*place, committed), std::nullopt};
}

// The place is there before anything is written: of two processes that both begin, one could not keep the other away
// before. Profiles that are older than the table would get no row before they change again. They are asked for before
// the place is there, so that a crash in between asks once more.
Status Postgres::begin(eventlog::TopicPartition of, eventlog::Offset from) {
  const bool asks = of.topic == eventlog::Topic::kChanges && around_.sink.start != model::SinkStart::kNow;
  if (asks) FRESHET_TRY(around_.say_again(of.partition, SayAgain::kLiving));
  return tables_->begin_place(of, from);
}

// What was lost may be the last that is said of a profile for years.
Status Postgres::lost(eventlog::TopicPartition of, eventlog::Offset next) {
  if (of.topic != eventlog::Topic::kChanges) return {};
  eventlog::Offset& asked = asked_after_[of];
  if (next <= asked) return {};
  FRESHET_TRY(around_.say_again(of.partition, FRESHET_MUTANT(kRemovedUnsaid) ? SayAgain::kLiving : SayAgain::kGoneToo));
  asked = next;
  return {};
}

std::vector<Outcome> Postgres::take(std::span<const Batch> batches) {
  std::vector<Outcome> outcomes;
  for (const Batch& batch : batches) outcomes.push_back(write(batch));
  return outcomes;
}

Outcome Postgres::outcome_of(const Error& error) const {
  if (error.code == Code::kConflict) return {Outcome::What::kStale, 0, error.message, 0};
  if (error.code == Code::kInvalid) return {Outcome::What::kRefused, 0, error.message, 0};
  return {Outcome::What::kLater, 0, error.message, 0};
}

Outcome Postgres::write(const Batch& batch) {
  const bool erasures = batch.from.topic == eventlog::Topic::kDeadLetters;
  const Status written = erasures ? erase(batch) : write_whole(batch);
  if (written) return {Outcome::What::kDone, batch.items.size(), "", 0};
  if (!erasures && written.error().code == Code::kInvalid && batch.items.size() > 1) return write_each(batch);
  return outcome_of(written.error());
}

Outcome Postgres::write_each(const Batch& batch) {
  for (size_t i = 0; i < batch.items.size(); ++i) {
    const Item& item = batch.items[i];
    const bool last = i + 1 == batch.items.size();
    const Batch one{batch.from, item.offset, last ? batch.next : batch.items[i + 1].offset, batch.items.subspan(i, 1)};
    const Status written = write_whole(one);
    if (written) continue;
    Outcome outcome = outcome_of(written.error());
    outcome.done = i;
    return outcome;
  }
  return {Outcome::What::kDone, batch.items.size(), "", 0};
}

// Rows and place become durable together, or not at all.
Status Postgres::write_whole(const Batch& batch) {
  if (FRESHET_MUTANT(kSqlPlaceApart)) {
    FRESHET_TRY(in_transaction(batch, [&] { return tables_->set_place(batch.from, batch.next); }));
    places_[batch.from] = batch.next;
  }
  FRESHET_TRY(in_transaction(batch, [&] { return write_rows(batch); }));
  places_[batch.from] = batch.next;
  return {};
}

// The place is read within the transaction: a process that has lost the partition without knowing it finds another one
// there, and stops before it writes over newer rows.
Status Postgres::in_transaction(const Batch& batch, const std::function<Status()>& work) {
  FRESHET_TRY(connect());
  const auto known = places_.find(batch.from);
  FRESHET_ASSERT(known != places_.end());
  FRESHET_TRY(tables_->begin());
  const auto checked = [&]() -> Status {
    FRESHET_ASSIGN(const auto place, tables_->place(batch.from));
    if (place != known->second && !FRESHET_MUTANT(kSqlNotFenced))
      return fail(Code::kConflict, "another process has written this partition since");
    return work();
  };
  Status written = checked();
  if (written) written = tables_->commit();
  if (written) return {};
  // Whether a commit that broke off was made is not known: then the place is read again.
  if (!tables_->rollback()) {
    tables_.reset();
    return fail(Code::kConflict, written.error().message);
  }
  if (written.error().code == Code::kFatal) tables_.reset();  // They are looked over when they are opened again.
  return written;
}

Status Postgres::write_rows(const Batch& batch) {
  if (has_profiles()) {
    FRESHET_TRY(write_profiles(batch));
  } else {
    for (const Item& item : batch.items) FRESHET_TRY(tables_->prepare_part(item.received_at_us));
    FRESHET_ASSIGN(const std::string rows, rows_of_events(batch, around_.sink.columns));
    FRESHET_TRY(tables_->write_events(rows));
  }
  return tables_->set_place(batch.from, batch.next);
}

// Events of somebody who was erased may still be on their way here, by this process or by another one that has their
// partition. So first it is durable that such rows are not written any more; when all that had begun before is through,
// the rows that are there are deleted, some at a time; then the place is noted. A repetition finds less to do.
Status Postgres::erase(const Batch& batch) {
  std::vector<std::string> ids;
  for (const Item& item : batch.items) {
    v1::ErasureNotice notice;
    if (!notice.ParseFromString(item.value)) return fail(Code::kInvalid, "the record does not say who was erased");
    ids.push_back(to_hex(notice.id()));
    for (const std::string& merged : notice.merged()) ids.push_back(to_hex(merged));
  }
  if (has_profiles()) return erase_profiles(batch, ids);
  if (!FRESHET_MUTANT(kErasureNotNoted)) FRESHET_TRY(in_transaction(batch, [&] { return tables_->note_erased(ids); }));
  FRESHET_TRY(in_transaction(batch, [&] { return tables_->settle_erased(); }));
  FRESHET_ASSIGN(const auto parts, tables_->parts());
  for (const std::string& part : parts) {
    while (true) {
      if (around_.stopping->load()) return fail(Code::kRetry, "this process ends");
      FRESHET_ASSIGN(const uint64_t deleted, tables_->delete_events(part, ids));
      if (deleted < SinkTables::kErasedInStep) break;
    }
  }
  FRESHET_TRY(in_transaction(batch, [&] { return tables_->set_place(batch.from, batch.next); }));
  places_[batch.from] = batch.next;
  return {};
}

// A change of theirs that is still under way finds neither row nor profile, and makes none.
Status Postgres::erase_profiles(const Batch& batch, const std::vector<std::string>& ids) {
  std::string list;
  JsonWriter(list).array(ids);
  const auto work = [&]() -> Status {
    FRESHET_TRY(tables_->remove_profiles(list));
    return tables_->set_place(batch.from, batch.next);
  };
  FRESHET_TRY(in_transaction(batch, work));
  places_[batch.from] = batch.next;
  return {};
}

Status Postgres::write_profiles(const Batch& batch) {
  ProfileBatch profiles(around_);
  FRESHET_ASSIGN(const std::string ids, profiles.begin(batch));
  FRESHET_ASSIGN(const SqlRows rows, tables_->read_profiles(ids));
  for (const SqlRow& row : rows) FRESHET_TRY(profiles.know(row[0].value_or(""), row[1].value_or("")));
  FRESHET_TRY(profiles.apply(batch));
  const std::string changed = profiles.rows();
  const std::string removed = profiles.removed();
  if (!changed.empty()) FRESHET_TRY(tables_->write_profiles(changed));
  if (!removed.empty()) FRESHET_TRY(tables_->remove_profiles(removed));
  return {};
}

}  // namespace

Result<std::unique_ptr<Sink>> open_postgres_on(const Around& around, OpenTables open) {
  auto sink = std::make_unique<Postgres>(around, std::move(open));
  FRESHET_TRY(sink->connect());
  return sink;
}

// The secret is read each time: somebody may have changed the password, here and there.
Result<std::unique_ptr<Sink>> open_postgres(const Around& around) {
  return open_postgres_on(around, [around]() -> Result<std::unique_ptr<SinkTables>> {
    FRESHET_ASSIGN(const std::string uri, around.secret(around.sink.uri));
    FRESHET_ASSIGN(auto sql, SqlConnection::open(uri));
    return open_tables(std::move(sql), around.tenant, around.sink);
  });
}

}  // namespace freshet::sinks
