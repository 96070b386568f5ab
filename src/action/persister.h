// Makes states durable behind the worker's back: it goes on while the disk works. Afterwards the log may forget what
// lies before the durable offset, and before what checkpoints need.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "eventlog/event_log.h"
#include "state/checkpoint/keeper.h"
#include "state/partition_state.h"

namespace freshet::action {

// Whether the log may forget what a durable state stands for, and checkpoints be made of it: its owner decides that.
enum class Upkeep : uint8_t { kNone, kTrim };

// What WorkerLoop needs of it; the simulator has one without a thread.
class Persistence {
 public:
  virtual ~Persistence() = default;
  // state.begin_persist() now, the rest later; nothing if the partition's last one is still under way. The state must
  // stay until wait().
  [[nodiscard]] virtual Status persist(uint32_t partition, state::PartitionState& state, Upkeep upkeep) = 0;
  // Until nothing is under way; the first failure of all, if there was one.
  [[nodiscard]] virtual Status wait() = 0;
};

// The slow half: finish_persist(), then the log is trimmed. log: null if nothing is to be trimmed; checkpoints: null if
// there are none.
[[nodiscard]] Status finish_persist(eventlog::EventLog* log, uint32_t partition, state::PartitionState& state,
                                    state::CheckpointKeeper* checkpoints = nullptr);

// On a thread of its own.
class Persister final : public Persistence {
 public:
  // log: null if nothing is to be trimmed; checkpoints: null if there are none.
  Persister(eventlog::EventLog* log, uint32_t member, state::CheckpointKeeper* checkpoints);
  ~Persister() override;

  [[nodiscard]] Status persist(uint32_t partition, state::PartitionState& state, Upkeep upkeep) override;
  [[nodiscard]] Status wait() override;

 private:
  struct Job {
    uint32_t partition;
    state::PartitionState* state;
    Upkeep upkeep;
  };
  void run();

  eventlog::EventLog* const log_;
  state::CheckpointKeeper* const checkpoints_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // these four guarded by mutex_
  std::set<uint32_t> under_way_;
  Status failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace freshet::action
