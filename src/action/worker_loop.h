// Action's work, a step at a time, without a thread: Worker runs it in one, the simulator under its scheduler.
//
// A step polls `actions`, runs the engines over what came, commits their outputs with the offsets in one transaction
// (invariant 4), and now and then has a state flushed or made durable. What a commit that fails leads to:
//   kConflict  aborted: memory is dropped and replayed, outputs are said again from the committed offset on
//   kRetry     the outcome is not known: the same, once the log says what is committed
//   else       (kFenced: another owner) the loop ends with that error; nothing that was not committed is on disk
// A partition that can't begin yet waits, paused, while the others go on: the log does not say what is committed (kRetry),
// or the worker of this process that had it before has not closed its state yet (kConflict).
// One that it follows, as its standby, is processed like what is replayed: as far as it is committed, and without outputs.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "action/engine.h"
#include "action/persister.h"
#include "action/process_spans.h"
#include "action/worker_options.h"

namespace freshet::action {

// One thread.
class WorkerLoop {
 public:
  // Consumer and persistence outlive the loop.
  WorkerLoop(const WorkerOptions& options, eventlog::Consumer& consumer, Persistence& persistence);
  ~WorkerLoop();

  // Waits up to `poll_us` for records.
  [[nodiscard]] Status step(env::TimeUs poll_us);
  // Makes every state durable. No step() after it.
  [[nodiscard]] Status drain();
  // Every partition that it has has replayed up to its committed offset. While it has none: whether it was given none for
  // so long that it is clearly there for others to fail.
  [[nodiscard]] bool caught_up() const;

 private:
  // One partition in the hands of this worker.
  struct Slot {
    eventlog::TopicPartition of;
    std::unique_ptr<state::PartitionState> state;
    std::unique_ptr<Outputs> out;
    std::unique_ptr<Engine> engine;
    eventlog::Offset committed = 0;  // replay up to here, outputs suppressed
    bool following = false;          // as a standby: all of it is a replay
    env::TimeUs persist_due = 0;
    EngineCounters counted;
    ProtocolCounters identity_counted;

    [[nodiscard]] bool behind() const { return !following && state->offset() < committed; }
  };
  struct Metrics;

  // A partition that could not begin yet.
  struct Waiting {
    Slot slot;  // without a state, if that was not to be had
    env::TimeUs due = 0;
    env::TimeUs pause_us = 0;
  };

  [[nodiscard]] Status take_over(eventlog::TopicPartition mine, bool following);
  [[nodiscard]] Status begin(Waiting waiting);
  [[nodiscard]] Status begin_those_due();
  [[nodiscard]] Status open_state(Slot& slot);
  [[nodiscard]] Status begin_replay(Slot& slot);
  [[nodiscard]] Status process_all(const std::vector<eventlog::Fetched>& fetched);
  [[nodiscard]] Status process(Slot& slot, const eventlog::Fetched& batch);
  [[nodiscard]] Status commit(eventlog::Transaction transaction);
  [[nodiscard]] Status look_after_states();
  [[nodiscard]] Status persist(Slot& slot);
  void count(Slot& slot);
  void show_partitions();

  const WorkerOptions options_;
  eventlog::Consumer& consumer_;
  Persistence& persistence_;
  const uint32_t partitions_;
  std::map<uint32_t, Slot> slots_;
  std::map<uint32_t, Waiting> waiting_;  // none of them is in slots_
  const env::TimeUs started_;
  ProcessSpans spans_;
  std::unique_ptr<Metrics> metrics_;
};

}  // namespace freshet::action
