#include "ingest/sources/csv/import_ledger.h"

#include <charconv>
#include <future>

#include "telemetry/metrics.h"

namespace freshet::ingest {
namespace {

using eventlog::Offset;

constexpr eventlog::TopicPartition kLedger = {eventlog::Topic::kImports, 0};
constexpr size_t kLedgerReadBytes = 1u << 20;
// Rows of the copy's store that are no import's: theirs begin with other letters.
constexpr std::string_view kPlaceKey = "p";
constexpr std::string_view kLogNameKey = "n";  // none: from before there were names

std::string ledger_key(const std::string& tenant, const std::string& id) {
  return std::string(tenant).append(1, '\0').append(id);
}

// A record that was written by a node whose copy was behind stands for less. One that is further has all that it has,
// as rows are taken in the order of the file.
bool is_further(const v1::ImportProgress& record, const v1::ImportProgress& known) {
  if (record.created_at_us() != known.created_at_us()) return record.created_at_us() > known.created_at_us();
  if (record.complete() != known.complete()) return record.complete();
  return record.offset() >= known.offset();
}

}  // namespace

ImportLedger::ImportLedger(eventlog::EventLog& log, std::shared_ptr<kv::Store> rows, std::string log_name)
    : log_(log), rows_(std::move(rows)), log_name_(std::move(log_name)), copy_(make_import_store(rows_)) {}

void ImportLedger::append(const std::string& key, const std::string& value, const std::function<void(Status)>& done) {
  eventlog::Produce produce{kLedger, {}};
  produce.records.add(key, value);
  std::vector<eventlog::Produce> batches;
  batches.push_back(std::move(produce));
  log_.append(std::move(batches), done);
}

Status ImportLedger::put(const v1::ImportProgress& progress, bool synced) {
  std::promise<Status> done;
  put_then(progress, synced, [&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

// Any node may have to go on with it, so the record has the mapping, too.
void ImportLedger::put_then(const v1::ImportProgress& progress, bool, const std::function<void(Status)>& done) {
  v1::ImportProgress whole = progress;
  if (whole.mapping().empty() && !whole.complete()) {
    auto text = copy_->mapping(whole.tenant(), whole.id());
    if (!text) return done(tl::unexpected(text.error()));
    whole.set_mapping(std::move(*text));
  }
  // The log has it for good, so the copy need not be synced.
  append(ledger_key(whole.tenant(), whole.id()), whole.SerializeAsString(),
         [this, done, whole](const Status& status) { done(status ? copy_->put(whole, false) : status); });
}

Status ImportLedger::remove(const std::string& tenant, const std::string& id) {
  std::promise<Status> done;
  append(ledger_key(tenant, id), "", [&](Status status) { done.set_value(std::move(status)); });
  FRESHET_TRY(done.get_future().get());
  return copy_->remove(tenant, id);
}

Result<bool> ImportLedger::refresh() {
  const std::lock_guard lock(mutex_);
  FRESHET_ASSIGN(Offset next, place());
  FRESHET_ASSIGN(const auto marks, log_.watermarks(kLedger));
  next = std::max(next, marks.low);
  bool changed = false;
  while (next < marks.high) {
    FRESHET_ASSIGN(const auto fetched, log_.read(kLedger, next, kLedgerReadBytes));
    if (fetched.next <= next) return fail(Code::kRetry, "topic imports can't be read to its end now");
    FRESHET_TRY(take(fetched));
    next = fetched.next;
    changed = true;
  }
  return changed;
}

Result<Offset> ImportLedger::place() {
  FRESHET_ASSIGN(const auto name, rows_->get(kLogNameKey));
  if (name && *name != log_name_) return 0;
  FRESHET_ASSIGN(const auto row, rows_->get(kPlaceKey));
  Offset next = 0;
  // Whatever else stands there, the whole topic is read again, which does no harm.
  if (row) std::from_chars(row->data(), row->data() + row->size(), next);
  return next;
}

Status ImportLedger::take(const eventlog::Fetched& fetched) {
  for (const eventlog::RecordView& record : fetched.records) FRESHET_TRY(take_record(record));
  kv::WriteBatch batch;
  batch.put(kPlaceKey, std::to_string(fetched.next));
  batch.put(kLogNameKey, log_name_);
  return rows_->write(batch, kv::Durability::kLogged);
}

Status ImportLedger::take_record(const eventlog::RecordView& record) {
  static telemetry::Counter& damaged =
      telemetry::counter("freshet_ingest_import_records_damaged_total",
                         "Records of topic imports that can't be read and were passed over.");
  const size_t end = record.key.find('\0');
  v1::ImportProgress progress;
  const bool whole = end != std::string_view::npos &&
                     progress.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()));
  if (!whole) {
    damaged.add();
    return {};
  }
  const std::string tenant(record.key.substr(0, end));
  const std::string id(record.key.substr(end + 1));
  if (record.value.empty()) return copy_->remove(tenant, id);
  if (progress.tenant() != tenant || progress.id() != id) {
    damaged.add();
    return {};
  }
  FRESHET_ASSIGN(const auto known, copy_->get(tenant, id));
  return known && !is_further(progress, *known) ? Status{} : copy_->put(progress, false);
}

Result<std::optional<v1::ImportProgress>> ImportLedger::get(const std::string& tenant, const std::string& id) {
  return copy_->get(tenant, id);
}

Result<std::string> ImportLedger::mapping(const std::string& tenant, const std::string& id) {
  return copy_->mapping(tenant, id);
}

Result<std::vector<v1::ImportProgress>> ImportLedger::list(const std::string& tenant, const std::string& after,
                                                           size_t count) {
  return copy_->list(tenant, after, count);
}

Result<std::vector<std::pair<std::string, std::string>>> ImportLedger::complete_before(int64_t before_us,
                                                                                       size_t count) {
  return copy_->complete_before(before_us, count);
}

Result<ImportCounts> ImportLedger::count(const std::string& tenant) { return copy_->count(tenant); }

}  // namespace freshet::ingest
