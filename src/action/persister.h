// Makes states durable on a thread of its own, so that the worker goes on while the disk works: a large state takes
// seconds, in which the worker's other partitions would stand still. The worker itself begins each persist and gathers
// what it writes (state/partition_state.h). Afterwards the log may forget what lies before
// the durable offset and before what checkpoints need. Were it trimmed earlier, a crash would leave a gap between the
// state and the log.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "eventlog/event_log.h"
#include "state/checkpoint/keeper.h"
#include "state/partition_state.h"

namespace freshet::action {

// Whether the log may forget what a durable state stands for, and checkpoints be made of it. Only the owner of a
// partition decides that: a standby that trimmed the log could take records away that the owner needs after a crash.
enum class Upkeep : uint8_t { kNone, kTrim };

// What WorkerLoop needs of it; the simulator has one without a thread.
class Persistence {
 public:
  virtual ~Persistence() = default;
  // Finishes, now or later, a persist that was begun and gathered. The state must stay until wait(). `round` is that of
  // CheckpointKeeper::persisted.
  [[nodiscard]] virtual Status finish(uint32_t partition, state::PartitionState& state, Upkeep upkeep,
                                      uint64_t round) = 0;
  // The first failure of all, if there was one. Does not block.
  [[nodiscard]] virtual Status status() = 0;
  // Blocks until nothing is under way. The first failure of all is the answer, if there was one.
  [[nodiscard]] virtual Status wait() = 0;
};

// The slow half: finish_persist(), then the log is trimmed. The log is null if nothing is to be trimmed, checkpoints
// are null if there are none.
[[nodiscard]] Status finish_persist(eventlog::EventLog* log, uint32_t partition, state::PartitionState& state,
                                    state::CheckpointKeeper* checkpoints = nullptr, uint64_t round = 0);

// Persistence with a thread. Its methods are called by one other thread, the worker's.
class Persister final : public Persistence {
 public:
  // log and checkpoints as above; both outlive it.
  Persister(eventlog::EventLog* log, uint32_t member, state::CheckpointKeeper* checkpoints);
  ~Persister() override;

  [[nodiscard]] Status finish(uint32_t partition, state::PartitionState& state, Upkeep upkeep, uint64_t round) override;
  [[nodiscard]] Status status() override;
  [[nodiscard]] Status wait() override;

 private:
  struct Job {
    uint32_t partition;
    state::PartitionState* state;
    Upkeep upkeep;
    uint64_t round;
  };
  void run();

  eventlog::EventLog* const log_;
  state::CheckpointKeeper* const checkpoints_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // guarded by mutex_, as is what follows
  size_t under_way_ = 0;  // jobs that wait, and the one at work
  Status failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace freshet::action
