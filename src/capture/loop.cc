// A step reads first and writes then, so that a transaction is open only while there is something to write.
#include "capture/loop.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mutant.h"
#include "base/pattern.h"
#include "base/saturated.h"
#include "capture/record.h"
#include "cluster/stream/scan.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::capture {
namespace {

using docstore::ChangeKind;
using docstore::DocumentChange;

// Of one transaction; what it has is in memory until it is committed.
constexpr size_t kBatchChanges = FRESHET_BOUND(5'000, 9);
constexpr size_t kBatchBytes = 8u << 20;
constexpr size_t kPageDocuments = FRESHET_BOUND(2'000, 3);
constexpr int64_t kSweepOffsets = FRESHET_BOUND(2'000, 7);
constexpr size_t kLetterBytes = 64u << 20;
constexpr size_t kRoomBesideId = 512;  // of a record that tells a delete
constexpr env::TimeUs kIdleUs = 100'000;
constexpr env::TimeUs kAgainUs = 200'000;           // after a failure that may pass
constexpr env::TimeUs kSayPositionUs = 10'000'000;  // while nothing comes
constexpr env::TimeUs kSweepSilenceUs = 30'000'000;
constexpr uint32_t kRefusedMost = 3;

struct Counters {
  telemetry::Counter& records =
      telemetry::counter("freshet_capture_records_total", "Records that a capture has written into its topics.");
  telemetry::Counter& bytes = telemetry::counter("freshet_capture_bytes_total", "Keys and values of these records.");
  telemetry::Counter& letters = telemetry::counter(
      "freshet_capture_set_aside_total", "Documents that their topic can't have; they are in the dead letters.");
  telemetry::Counter& gone =
      telemetry::counter("freshet_capture_gone_total", "Updates left out because their document was deleted by then.");
  telemetry::Counter& swept = telemetry::counter("freshet_capture_swept_total",
                                                 "Documents told to be deleted because a sweep did not find them.");
  telemetry::Counter& commits =
      telemetry::counter("freshet_capture_commits_total", "Transactions of a capture that were committed.");
  telemetry::Counter& aborts = telemetry::counter("freshet_capture_aborts_total",
                                                  "Transactions that were not, and whose changes were read again.");
  telemetry::Histogram& latency = telemetry::histogram(
      "freshet_capture_latency_us", "From the oldest change of a transaction until it was committed.");
};
Counters& counters() {
  static Counters all;
  return all;
}

// The change as a record's value. The document before it is the first to be left out where both are too much.
std::string value_within(size_t bytes_max, std::string_view op, DocumentChange& change) {
  std::string value = value_of(op, change);
  if (!change.before || change.id.size() + value.size() <= bytes_max) return value;
  change.before.reset();
  return value_of(op, change);
}

size_t bytes_of(const DocumentChange& change) {
  return (change.before ? change.before->size() : 0) + (change.after ? change.after->size() : 0);
}

}  // namespace

Loop::Loop(Parts parts) : parts_(std::move(parts)), topics_(parts_.config, parts_.target) {
  FRESHET_ASSERT(parts_.open_reader != nullptr);
}

Status Loop::step() {
  if (const env::TimeUs left = calm_at_ - parts_.clock.monotonic_us(); left > 0) parts_.clock.sleep_us(left);
  Batch batch;
  if (const Status done = work(batch); !done) return recover(done.error(), batch);
  return {};
}

Status Loop::work(Batch& batch) {
  FRESHET_TRY(parts_.writer.settle());
  if (!position_) {
    takes_ = parts_.writer.takes();
    FRESHET_TRY(topics_.make_own());
    auto found = read_position(parts_.config, parts_.target, parts_.open_reader, parts_.clock);
    // One that can't be read is what a new snapshot mends.
    if (!found && !(parts_.snapshot && found.error().code == Code::kFatal)) return tl::unexpected(found.error());
    const bool has = found && found->has_value();
    if (has) position_ = **found;
    if (!has || parts_.snapshot) return begin_anew(batch);
  }
  if (position_->todo.empty()) return follow(batch);
  return position_->todo.front().sweep ? sweep(batch) : snapshot(batch);
}

// The position is taken before anything is read: what changes meanwhile is told after it.
Status Loop::begin_anew(Batch& batch) {
  if (position_) batch.next.known = position_->known;
  position_.reset();
  FRESHET_ASSIGN(batch.next.at, parts_.source.now());
  FRESHET_ASSIGN(const auto collections, parts_.source.collections());
  batch.next.known.insert(collections.begin(), collections.end());
  for (const std::string& name : batch.next.known) {
    const bool there = std::binary_search(collections.begin(), collections.end(), name);
    batch.next.todo.push_back({name, parts_.snapshot && !FRESHET_MUTANT(kCaptureAnewUnswept), there, ""});
  }
  log::info("capture {}: reading all documents of {} collections", parts_.config.name, collections.size());
  FRESHET_TRY(commit(batch));
  parts_.snapshot = false;
  return {};
}

// ---- sweeping -------------------------------------------------------------------------------------------------------

// Its ends are those of now: what is written behind them is newer than the sweep.
Status Loop::begin_sweep(const std::string& topic) {
  Sweep sweep;
  sweep.topic = topic;
  FRESHET_ASSIGN(const bool there, topics_.look(topic));
  if (there) {
    const auto of = cluster::partitions_of(topic, topics_.at(topic).partitions);
    FRESHET_ASSIGN(sweep.next, offsets_of(parts_.target, of, cluster::OffsetAt::Kind::kEarliest));
    FRESHET_ASSIGN(sweep.end, settled_ends(parts_.target, of, parts_.clock, kSweepSilenceUs));
  }
  sweep_ = std::move(sweep);
  return {};
}

// Reads the topic from its beginning and asks which of its documents there are, some thousands at a time; nothing has
// to be remembered for it. A start in the middle begins it again: what it tells twice stays true.
Status Loop::sweep(Batch& batch) {
  FRESHET_ASSERT(position_ && !position_->todo.empty());
  batch.next = *position_;
  Todo& todo = batch.next.todo.front();
  const std::string topic = topic_of(parts_.config, todo.collection);
  if (!sweep_ || sweep_->topic != topic) FRESHET_TRY(begin_sweep(topic));
  FRESHET_ASSERT(sweep_->next.size() == sweep_->end.size());
  size_t p = 0;
  while (p < sweep_->next.size() && sweep_->next[p] >= sweep_->end[p]) ++p;
  if (p == sweep_->next.size()) {
    sweep_.reset();
    todo.sweep = false;
    if (!todo.snapshot) batch.next.todo.erase(batch.next.todo.begin());
    return commit(batch);
  }
  const int64_t first = sweep_->next[p], end = std::min(sweep_->end[p], first + kSweepOffsets);
  std::set<std::string> keys;
  FRESHET_ASSIGN(const auto reader, parts_.open_reader());
  FRESHET_TRY(cluster::scan(*reader, topic, {{static_cast<int32_t>(p), first, end}}, kSweepSilenceUs,
                            [&](int32_t, const cluster::Record& record) {
                              if (!record.key) return;
                              const bool gone = !record.value || record.value->starts_with(kDeleteBegins);
                              if (!gone) keys.emplace(*record.key);
                            }));
  FRESHET_ASSIGN(auto gone, parts_.source.gone(todo.collection, {keys.begin(), keys.end()}));
  for (std::string& id : gone) {
    DocumentChange change;
    change.kind = ChangeKind::kDelete;
    change.collection = todo.collection;
    change.id = std::move(id);
    change.at_ms = parts_.clock.now_us() / 1000;
    FRESHET_TRY(put_deleted(change, batch));
  }
  if (batch.open) FRESHET_TRY(commit(batch));
  counters().swept.add(gone.size());
  sweep_->next[p] = end;
  return {};
}

// ---- the snapshot ---------------------------------------------------------------------------------------------------

// One page is one transaction, and says up to which id all is done.
Status Loop::snapshot(Batch& batch) {
  FRESHET_ASSERT(position_ && !position_->todo.empty());
  batch.next = *position_;
  Todo& todo = batch.next.todo.front();
  FRESHET_ASSIGN(auto page, parts_.source.documents(todo.collection, todo.after, kPageDocuments, kBatchBytes));
  FRESHET_TRY(topics_.make(topic_of(parts_.config, todo.collection)));
  for (docstore::DocumentText& one : page.documents) {
    DocumentChange change;
    change.collection = todo.collection;
    change.at_ms = parts_.clock.now_us() / 1000;
    change.problem = std::move(one.problem);
    if (change.problem.empty()) change.after = std::move(one.text);
    if (!one.id.empty()) todo.after = one.id;
    change.id = std::move(one.id);
    FRESHET_TRY(put("snapshot", change, batch));
  }
  if (page.last) {
    if (FRESHET_MUTANT(kCaptureFromSnapshotsEnd)) {
      FRESHET_ASSIGN(batch.next.at, parts_.source.now());
    }
    log::info("capture {}: all documents of {} were read", parts_.config.name, todo.collection);
    batch.next.todo.erase(batch.next.todo.begin());
  }
  return commit(batch);
}

// ---- what changes ---------------------------------------------------------------------------------------------------

// Until the time is over, or enough is there.
Status Loop::gather(std::vector<DocumentChange>& changes, Position& next) {
  env::TimeUs end = parts_.clock.monotonic_us() + kIdleUs;
  size_t bytes = 0;
  while (changes.size() < kBatchChanges && bytes < kBatchBytes) {
    const env::TimeUs left = end - parts_.clock.monotonic_us();
    if (left <= 0) break;
    auto got = parts_.source.changes(next.at, left);
    if (!got && got.error().code == Code::kNotFound)
      return fail(Code::kFatal, got.error().message +
                                    ": what has changed since then can't be told any more, because the capture "
                                    "was away for too long or the server was made anew. --snapshot, once, reads "
                                    "all documents again and tells which are gone");
    // What is there is written first; then the next step meets the failure.
    if (!got && got.error().code == Code::kRetry && !changes.empty()) break;
    if (!got) return tl::unexpected(got.error());
    if (changes.empty() && !got->list.empty()) end = parts_.clock.monotonic_us() + parts_.config.commit_us;
    next.at = std::move(got->next);
    for (DocumentChange& change : got->list) {
      bytes += bytes_of(change);
      if (is_of_collection(change.kind)) {
        heed(change, next);
        return {};
      }
      changes.push_back(std::move(change));
    }
  }
  return {};
}

// Of whole collections no change of a document is told: so the topic is compared with what there is.
void Loop::heed(const DocumentChange& change, Position& next) {
  const auto wanted = [&](const std::string& name) {
    return !name.empty() &&
           std::any_of(parts_.config.source.collections.begin(), parts_.config.source.collections.end(),
                       [&](const std::string& pattern) { return fits_pattern(pattern, name); });
  };
  log::info("capture {}: {} of collection {}{}", parts_.config.name, name_of(change.kind), change.collection,
            change.to.empty() ? "" : " to " + change.to);
  if (change.kind == ChangeKind::kAllDropped)
    for (const std::string& name : next.known) next.todo.push_back({name, true, false, ""});
  if (wanted(change.collection) && !FRESHET_MUTANT(kCaptureDropUnheard))
    next.todo.push_back({change.collection, true, false, ""});
  if (!wanted(change.to)) return;
  next.known.insert(change.to);
  next.todo.push_back({change.to, true, true, ""});
}

// All that may wait for brokers happens before a transaction is open.
Status Loop::make_topics(const std::vector<DocumentChange>& changes, Position& next) {
  const std::string* last = nullptr;
  for (const DocumentChange& change : changes) {
    if (last != nullptr && *last == change.collection) continue;
    last = &change.collection;
    next.known.insert(change.collection);
    FRESHET_TRY(topics_.make(topic_of(parts_.config, change.collection)));
  }
  return {};
}

// Nothing is written for an update whose document is gone by now: its delete follows.
Status Loop::follow(Batch& batch) {
  std::vector<DocumentChange> changes;
  batch.next = *position_;
  FRESHET_TRY(gather(changes, batch.next));
  FRESHET_TRY(make_topics(changes, batch.next));
  waits_ = changes.size() >= kBatchChanges;
  for (DocumentChange& change : changes) {
    newest_ms_ = std::max(newest_ms_, change.at_ms);
    if (batch.oldest_ms == 0 || change.at_ms < batch.oldest_ms) batch.oldest_ms = change.at_ms;
    if (change.kind == ChangeKind::kDelete) {
      FRESHET_TRY(put_deleted(change, batch));
    } else if (!change.after && change.problem.empty()) {
      counters().gone.add();
    } else {
      FRESHET_TRY(put(name_of(change.kind), change, batch));
    }
  }
  const bool due = parts_.clock.monotonic_us() >= said_at_ + kSayPositionUs && batch.next != *position_;
  if (batch.open || due || !batch.next.todo.empty()) return commit(batch);
  // Nothing that matters lies between, so it need not be committed to be gone on from.
  position_ = std::move(batch.next);
  return {};
}

// While less than a whole batch comes at a time nothing waits, and what was written last may be old.
Standing Loop::standing() const {
  Standing out;
  if (!position_) return {false, 0, "starting"};
  out.following = position_->todo.empty();
  if (waits_ && newest_ms_ > 0)
    out.lag_seconds = static_cast<double>(std::max<int64_t>(parts_.clock.now_us() / 1000 - newest_ms_, 0)) / 1000;
  const Todo* const todo = out.following ? nullptr : &position_->todo.front();
  out.doing = todo == nullptr ? "following changes"
                              : (todo->sweep ? "sweeping " : "reading the documents of ") + todo->collection;
  return out;
}

// ---- writing --------------------------------------------------------------------------------------------------------

Status Loop::put(std::string_view op, DocumentChange& change, Batch& batch) {
  const std::string topic = topic_of(parts_.config, change.collection);
  const size_t most = topics_.at(topic).record_bytes_max;
  if (!change.problem.empty()) return put_aside(op, change, change.problem, batch);
  std::string value = value_within(most, op, change);
  if (change.id.size() + value.size() > most)
    return put_aside(op, change, fmt::format("it is larger than the {} bytes that {} takes", most, topic), batch);
  return write({topic, change.id, &value, change.at_ms, {}}, batch);
}

// A tombstone comes last: it is what compaction keeps.
Status Loop::put_deleted(DocumentChange& change, Batch& batch) {
  const std::string topic = topic_of(parts_.config, change.collection);
  if (change.id.empty()) return put_aside("delete", change, change.problem, batch);
  const size_t most = topics_.at(topic).record_bytes_max;
  // As its other changes were: so there is nothing of it in the topic.
  if (change.id.size() + kRoomBesideId > most)
    return put_aside("delete", change, "its _id is too large for a key", batch);
  const Deletes deletes = parts_.config.deletes;
  if (deletes != Deletes::kTombstone) {
    std::string value = value_within(most, "delete", change);
    FRESHET_TRY(write({topic, change.id, &value, change.at_ms, {}}, batch));
  }
  if (deletes == Deletes::kRecord) return {};
  return write({topic, change.id, nullptr, change.at_ms, {}}, batch);
}

// Whole, with why, in the dead letters; and in its topic, so that nobody takes an older state for the document's.
Status Loop::put_aside(std::string_view op, const DocumentChange& change, const std::string& why, Batch& batch) {
  ++batch.letters;
  log::warn("capture {}: document {} of {} is set aside: {}", parts_.config.name, change.id, change.collection, why);
  std::string value = bytes_of(change) < kLetterBytes ? value_of(op, change) : set_aside_value(op, change, why);
  const cluster::Header headers[] = {{"freshet.capture.reason", why},
                                     {"freshet.capture.collection", change.collection}};
  FRESHET_TRY(write({letters_topic(parts_.config), change.id, &value, change.at_ms, headers}, batch));
  const std::string topic = topic_of(parts_.config, change.collection);
  value = set_aside_value(op, change, why);
  if (change.id.empty() || change.id.size() + value.size() > topics_.at(topic).record_bytes_max) return {};
  return write({topic, change.id, &value, change.at_ms, {}}, batch);
}

// The value moves to where it stays until the transaction is over.
Status Loop::write(const Written& record, Batch& batch) {
  if (!batch.open) {
    // A topic may take less than the others: then the id is taken anew with smaller batches.
    parts_.writer.limit_batches(topics_.batch_bytes_max());
    FRESHET_TRY(parts_.writer.settle());
    // Another process may have had the id meanwhile, and gone on: what is gathered here lies behind an old position.
    if (parts_.writer.takes() != takes_ && !FRESHET_MUTANT(kCaptureStalePosition))
      return fail(Code::kConflict, "the transactional id was taken anew, for what a topic takes in one batch");
    FRESHET_TRY(parts_.writer.begin());
    batch.open = true;
  }
  cluster::Outgoing out;
  out.topic = parts_.writer.topic(record.topic);
  const Topic* const known = topics_.find(record.topic);
  if (known != nullptr) out.partition = static_cast<int32_t>(partition_of(record.key, known->partitions));
  out.timestamp_ms = record.at_ms;
  out.key = record.key;
  if (record.value != nullptr) out.value = batch.values.emplace_back(std::move(*record.value));
  out.headers = record.headers;
  ++batch.records;
  batch.bytes += record.key.size() + (out.value ? out.value->size() : 0);
  return parts_.writer.write(out);
}

Status Loop::commit(Batch& batch) {
  const size_t records = batch.records, bytes = batch.bytes;
  std::string text = encode(batch.next);
  if (FRESHET_MUTANT(kCapturePositionApart) && batch.open) {
    FRESHET_TRY(parts_.writer.commit({}, nullptr));
    FRESHET_TRY(parts_.writer.begin());
  }
  FRESHET_TRY(write({position_topic(parts_.config), parts_.config.name, &text, -1, {}}, batch));
  // One process has the id, and the position is a record: so no group's offsets are needed.
  const Status done = parts_.writer.commit({}, nullptr);
  if (!done && !(FRESHET_MUTANT(kCaptureMuteIsDone) && done.error().code == Code::kRetry)) return done;
  batch.open = false;
  position_ = std::move(batch.next);
  said_at_ = parts_.clock.monotonic_us();
  refused_in_a_row_ = 0;
  counters().commits.add();
  counters().records.add(records);
  counters().bytes.add(bytes);
  counters().letters.add(batch.letters);
  if (batch.oldest_ms > 0)
    counters().latency.record(
        std::max<int64_t>(saturated_difference(parts_.clock.now_us(), us_of_ms(batch.oldest_ms)), 1));
  return {};
}

// Whatever was written is gone, or will be decided by settle(): all goes on from the position that is committed.
Status Loop::recover(const Error& error, Batch& batch) {
  counters().aborts.add(batch.open ? 1 : 0);
  if (batch.open) parts_.writer.abort();
  position_.reset();
  if (FRESHET_MUTANT(kCaptureAbortIgnored) && batch.open && !batch.next.at.empty()) position_ = batch.next;
  sweep_.reset();
  Error told = error;
  // A topic may take less than it did, or have been deleted: the next look learns it.
  if (told.code == Code::kInvalid || told.code == Code::kNotFound) topics_.forget();
  if (told.code == Code::kInvalid && batch.open && ++refused_in_a_row_ < kRefusedMost) told.code = Code::kRetry;
  if (told.code == Code::kFenced || told.code == Code::kFatal || told.code == Code::kInvalid ||
      told.code == Code::kCorrupt)
    return tl::unexpected(told);
  log::warn("capture {}: {}; going on from what is committed", parts_.config.name, told.message);
  calm_at_ = parts_.clock.monotonic_us() + kAgainUs;
  return {};
}

}  // namespace freshet::capture
