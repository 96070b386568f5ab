// Action's worker: one thread that reads its partitions of `actions`, runs their engines and commits what they say
// together with the offsets (invariant 4). States are made durable behind the commits, never before: a state on disk
// that stands for records whose outputs were not committed would, after a crash, never say them. After a start or a
// take-over the worker replays from the state's offset to the committed one with outputs suppressed.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "env/clock.h"
#include "eventlog/event_log.h"
#include "state/checkpoint/keeper.h"
#include "state/partition_state.h"

namespace freshet::action {

// Opens the state of a partition. kConflict: somebody of this process still has it open; the worker asks again until
// that is over.
using StateOpener = std::function<Result<std::unique_ptr<state::PartitionState>>(uint32_t partition)>;

struct WorkerOptions {
  eventlog::EventLog* log = nullptr;
  env::Clock* clock = nullptr;
  StateOpener open_state;
  state::CheckpointKeeper* checkpoints = nullptr;  // null: none are made. It outlives the worker, as log and clock do.
  uint32_t member = 0;
  uint32_t members = 1;
  uint32_t slots = 0;  // not 0: with standbys; see ConsumerOptions
  size_t batch_bytes_max = 4u << 20;
  env::TimeUs commit_interval_us = 0;  // wait at least this long between commits; 0: as the records come
  // Whether the log may forget what lies before the states on this disk. It must not where another worker, with another
  // disk, may get the partition, because that one rebuilds the state from the log.
  bool trims = true;
  env::TimeUs persist_interval_us = 30'000'000;  // of each partition, in turn: how much a crash replays, in time
};

class Worker {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Worker>> start(const WorkerOptions& options);
  virtual ~Worker() = default;
  // Finishes the batch under way, makes the state durable, leaves. Idempotent; blocks.
  virtual void stop() = 0;
  // Ok while the worker works. An error: it has stopped by itself and says why.
  [[nodiscard]] virtual Status status() const = 0;
  // True once every partition has replayed up to its committed offset.
  [[nodiscard]] virtual bool caught_up() const = 0;
};

inline constexpr const char* kActionGroup = "action";

}  // namespace freshet::action
