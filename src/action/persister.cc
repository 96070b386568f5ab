// The thread that finishes what WorkerLoop has begun to make durable, one partition after the other.
#include "action/persister.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "env/thread.h"

namespace freshet::action {

// The order counts: first the state is durable, then the log may forget. A crash in between costs a little space in
// the log; the other way round it would cost the records.
Status finish_persist(eventlog::EventLog* log, uint32_t partition, state::PartitionState& state,
                      state::CheckpointKeeper* checkpoints, uint64_t round) {
  const int64_t durable_before = state.durable_offset();
  FRESHET_TRY(state.finish_persist());
  int64_t before = state.durable_offset();
  FRESHET_ASSERT(before >= durable_before);
  if (checkpoints != nullptr) before = std::min(before, checkpoints->persisted(partition, state, round));
  if (log == nullptr) return {};
  const Status trimmed = log->trim({eventlog::Topic::kActions, partition}, before);
  // Brokers that are away for a moment are no failure: the next persist trims this part of the log, too.
  return !trimmed && trimmed.error().code == Code::kRetry ? Status{} : trimmed;
}

Persister::Persister(eventlog::EventLog* log, uint32_t member, state::CheckpointKeeper* checkpoints)
    : log_(log), checkpoints_(checkpoints) {
  thread_ = std::thread([this, member] {
    env::name_thread("persist-" + std::to_string(member));
    env::yield_to_others();
    run();
  });
}

Persister::~Persister() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Status Persister::finish(uint32_t partition, state::PartitionState& state, Upkeep upkeep, uint64_t round) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_) return failure_;
    // The last persist of the same state may still have its log trimmed. Jobs are done one after the other, so no two
    // threads ever write a state.
    ++under_way_;
    jobs_.push_back({partition, &state, upkeep, round});
  }
  changed_.notify_all();
  return {};
}

Status Persister::status() {
  const std::lock_guard lock(mutex_);
  return failure_;
}

Status Persister::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return under_way_ == 0; });
  return failure_;
}

void Persister::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const Job job = jobs_.front();
    jobs_.pop_front();
    lock.unlock();
    const bool ours = job.upkeep == Upkeep::kTrim;
    Status status =
        finish_persist(ours ? log_ : nullptr, job.partition, *job.state, ours ? checkpoints_ : nullptr, job.round);
    lock.lock();
    if (!status && failure_) failure_ = std::move(status);
    FRESHET_ASSERT(under_way_ > 0);
    --under_way_;
    changed_.notify_all();
  }
}

}  // namespace freshet::action
