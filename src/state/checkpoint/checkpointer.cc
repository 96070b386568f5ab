// Threads that wait for the next partition that is due, take a snapshot of its state, and have a CheckpointWriter send
// what is new in it. A partition that is lost takes its store along: then there is nothing to make a checkpoint of,
// and the item waits until the partition comes back.
#include "state/checkpoint/checkpointer.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "base/assert.h"
#include "env/thread.h"
#include "kv/check_file.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::state {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kTick{500};
constexpr env::TimeUs kRetryPauseUs = 5'000'000;
constexpr int kSnapshotsMax = 5;
constexpr double kSecond = 1e6;

void remove_all(const std::string& directory) {
  std::error_code ignored;
  fs::remove_all(directory, ignored);
}

Result<v1::PartitionMeta> read_meta(kv::Store& store) {
  FRESHET_ASSIGN(const auto row, store.get(kMetaRow));
  v1::PartitionMeta meta;
  if (row && !meta.ParseFromString(*row)) return fail(Code::kCorrupt, "the meta row of the state can't be decoded");
  return meta;
}

// The store is to know what a copy of it was found to have, so that its next start comes from a checkpoint before.
void tell_damage(kv::Store& store) {
  std::string cursor;
  do {
    if (!store.check_next_file(cursor)) return;
  } while (!cursor.empty());
}

}  // namespace

// The meta row is read before and after: if nothing became durable in between, the snapshot stands for the offset in
// it. A manifest that named another offset would make the worker that restores it replay too little or too much.
Result<v1::PartitionMeta> take_snapshot(kv::Store& store, const std::string& directory) {
  for (int i = 0; i < kSnapshotsMax; ++i) {
    remove_all(directory);
    const auto before = read_meta(store);
    if (!before) return tl::unexpected(before.error());
    FRESHET_TRY(store.snapshot_to(directory));
    FRESHET_ASSIGN(const auto after, read_meta(store));
    if (before->next_offset() == after.next_offset()) return before;
  }
  return fail(Code::kRetry, directory + ": the state becomes durable too often to take a snapshot of it");
}

struct Checkpointer::Metrics {
  telemetry::Counter& made = telemetry::counter("freshet_checkpoint_total", "Checkpoints made.");
  telemetry::Counter& bytes = telemetry::counter("freshet_checkpoint_bytes_total", "Bytes sent for checkpoints.");
  telemetry::Counter& files = telemetry::counter("freshet_checkpoint_files_total", "Files sent for checkpoints.");
  telemetry::Counter& copied = telemetry::counter("freshet_checkpoint_copied_files_total",
                                                  "Files taken over from checkpoints of earlier sessions.");
  telemetry::Histogram& duration_us =
      telemetry::histogram("freshet_checkpoint_duration_us", "Time from a checkpoint's begin to its end.");
  telemetry::Gauge& age = telemetry::gauge(
      "freshet_checkpoint_age_seconds",
      "For how long the state of the partition that is worst off has had changes that no checkpoint has.");

  static void count_failure(Code code) {
    telemetry::counter("freshet_checkpoint_failures_total", "Checkpoints that failed, by reason.",
                       {{"reason", std::string(name_of(code))}})
        .add();
  }
};

Checkpointer::Checkpointer(const CheckpointerOptions& options)
    : options_(options), pace_(*options.clock, options.bytes_per_s), metrics_(std::make_unique<Metrics>()) {
  FRESHET_ASSERT(options_.store != nullptr && options_.random != nullptr && options_.scratch);
  for (uint32_t i = 0; i < options_.concurrency; ++i) {
    threads_.emplace_back([this, i] {
      env::name_thread(fmt::format("checkpoint-{}", i));
      env::yield_to_others();
      run();
    });
  }
}

Checkpointer::~Checkpointer() { stop(); }

void Checkpointer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  options_.store->cancel();
  changed_.notify_all();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

// Until a first checkpoint is made the log must keep everything: its beginning may be all that the partition can be
// rebuilt from.
int64_t Checkpointer::persisted(uint32_t partition, const PartitionState& state, uint64_t round) {
  const std::lock_guard lock(mutex_);
  Item& item = items_[partition];
  const std::weak_ptr<kv::Store> store = state.store();
  const bool is_another = store.owner_before(item.store) || item.store.owner_before(store);
  if (is_another && !item.busy) item.writer.reset();
  FRESHET_ASSERT(is_another || state.durable_offset() >= item.durable_offset);
  item.store = store;
  item.durable_offset = state.durable_offset();
  item.round = std::max(item.round, round);
  if (item.durable_offset == item.done_offset && !item.busy) item.made_round = item.round;
  if (item.durable_offset != item.done_offset && item.behind_since_us == 0)
    item.behind_since_us = options_.clock->monotonic_us();
  changed_.notify_one();
  return item.keep_from.value_or(0);
}

uint64_t Checkpointer::ask() {
  const std::lock_guard lock(mutex_);
  members_.clear();
  asked_.clear();
  for (auto& [partition, item] : items_) item.error.clear();  // What failed before is no answer to this question.
  return ++round_;
}

void Checkpointer::takes_part(uint64_t round, uint32_t member, const std::vector<uint32_t>& partitions) {
  const std::lock_guard lock(mutex_);
  if (round != round_) return;  // Somebody has asked again since.
  members_.insert(member);
  asked_.insert(partitions.begin(), partitions.end());
}

AskedFor Checkpointer::asked() {
  const std::lock_guard lock(mutex_);
  AskedFor out{.round = round_, .members = members_, .parts = {}};
  for (const uint32_t partition : asked_) {
    AskedFor::Part& part = out.parts.emplace_back();
    part.partition = partition;
    const auto found = items_.find(partition);
    if (found == items_.end()) continue;  // Its state is not durable for the first time yet.
    const Item& item = found->second;
    part.offset = item.done_offset;
    part.done = item.made_round >= out.round;
    part.gone = !part.done && item.store.expired();
    part.error = part.done ? "" : item.error;
  }
  return out;
}

// The partition that has waited longest of those that are due and have something new.
std::map<uint32_t, Checkpointer::Item>::iterator Checkpointer::next_due() {
  const env::TimeUs now = options_.clock->monotonic_us();
  auto best = items_.end();
  for (auto at = items_.begin(); at != items_.end(); ++at) {
    const Item& item = at->second;
    if (item.busy || item.durable_offset == item.done_offset || item.store.expired()) continue;
    if (item.due_us > now && !item.hurries()) continue;
    if (best == items_.end() || item.due_us < best->second.due_us) best = at;
  }
  return best;
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    measure_age();
    const auto due = next_due();
    if (due == items_.end()) {
      changed_.wait_for(lock, kTick);
      continue;
    }
    auto& [partition, item] = *due;
    const std::shared_ptr<kv::Store> store = item.store.lock();
    if (!store) continue;
    FRESHET_ASSERT(!item.busy);  // Two threads with one writer would remove each other's files.
    item.busy = true;
    const env::TimeUs began = options_.clock->monotonic_us();
    const uint64_t round = item.round;
    lock.unlock();
    const Status status = make(partition, store, item);
    lock.lock();
    note(partition, item, began, round, status);
  }
}

// The directory of a snapshot, which goes however its checkpoint ends: its links keep files on the disk that the state
// has long replaced.
struct Checkpointer::Snapshot {
  std::string directory;
  ~Snapshot() { remove_all(directory); }
};

Status Checkpointer::make(uint32_t partition, const std::shared_ptr<kv::Store>& store, Item& item) {
  const Snapshot snapshot{options_.scratch(partition)};
  FRESHET_ASSIGN(const auto meta, take_snapshot(*store, snapshot.directory));
  if (meta.rules().hash_key().empty()) return {};  // No rules have come yet, and without them no record means anything.
  if (!item.writer || item.writer->is_over()) {
    FRESHET_ASSIGN(auto writer, CheckpointWriter::claim({options_.store, options_.clock, options_.random, partition,
                                                         options_.partitions, options_.keep, kv::check_of_snapshot}));
    item.writer = std::move(writer);
  }
  if (item.writer->newest_offset() == meta.next_offset()) return {};
  const auto written = item.writer->add(snapshot.directory, meta, pace_);
  if (!written) {
    if (written.error().code == Code::kCorrupt) tell_damage(*store);
    return tl::unexpected(written.error());
  }
  metrics_->made.add();
  metrics_->bytes.add(written->bytes);
  metrics_->files.add(written->files);
  metrics_->copied.add(written->copied);
  return {};
}

// Notes how a checkpoint ended. REQUIRES: the lock is held.
void Checkpointer::note(uint32_t partition, Item& item, env::TimeUs began_us, uint64_t round, const Status& status) {
  const env::TimeUs now = options_.clock->monotonic_us();
  item.busy = false;
  item.failed = !status;
  item.error = status ? "" : status.error().message;
  if (status) item.made_round = std::max(item.made_round, round);
  if (!status) {
    item.due_us = now + std::max(options_.min_pause_us, std::min(kRetryPauseUs, options_.interval_us));
    if (stopping_) return;
    Metrics::count_failure(status.error().code);
    if (status.error().code == Code::kCorrupt) {
      log::error("checkpoint of partition {}: not made, as it would have the damage, too; those before stay: {}",
                 partition, status.error().message);
      return;
    }
    log::warn("checkpoint of partition {} failed; the log is kept, the next attempt comes by itself: {}", partition,
              status.error().message);
    return;
  }
  item.due_us = std::max(began_us + options_.interval_us, now + options_.min_pause_us);
  if (!item.writer || item.writer->is_over()) return;
  metrics_->duration_us.record(now - began_us);
  item.done_offset = item.writer->newest_offset();
  item.keep_from = item.writer->keep_from();
  // The log must never forget what the newest checkpoint needs to be replayed from.
  FRESHET_ASSERT(!item.keep_from || *item.keep_from <= item.done_offset);
  item.behind_since_us = item.done_offset == item.durable_offset ? 0 : began_us;
  // What was asked for meanwhile may have found nothing new.
  if (item.done_offset == item.durable_offset) item.made_round = item.round;
}

void Checkpointer::measure_age() {
  env::TimeUs since = 0;
  for (const auto& [partition, item] : items_) {
    if (item.behind_since_us != 0 && !item.store.expired() && (since == 0 || item.behind_since_us < since))
      since = item.behind_since_us;
  }
  const env::TimeUs age = since == 0 ? 0 : options_.clock->monotonic_us() - since;
  metrics_->age.set(static_cast<double>(age) / kSecond);
}

}  // namespace freshet::state
