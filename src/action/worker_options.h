// What action's worker works on and within which bounds: the thread (worker.h) and its steps (worker_loop.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "env/clock.h"

namespace freshet::eventlog {
class EventLog;
}
namespace freshet::state {
class CheckpointKeeper;
class PartitionState;
}  // namespace freshet::state

namespace freshet::action {

class LateRecordCounter;
class ProfileReads;

inline constexpr const char* kActionGroup = "action";

// Opens the state of a partition. kConflict: somebody of this process still has it open; the worker asks again until
// that is over.
using StateOpener = std::function<Result<std::unique_ptr<state::PartitionState>>(uint32_t partition)>;

struct WorkerOptions {
  eventlog::EventLog* log = nullptr;
  env::Clock* clock = nullptr;
  StateOpener open_state;
  state::CheckpointKeeper* checkpoints = nullptr;  // null: none are made. It outlives the worker, as log and clock do.
  // Where profiles are read from the states themselves; null: they are not. It outlives the worker.
  ProfileReads* reads = nullptr;
  // Is told of records of erased persons that were refused; null: nobody is. It outlives the worker.
  LateRecordCounter* late_records = nullptr;
  // Whether topic `changes` is to be written, asked before each batch; null: it always is. It outlives the worker.
  const std::atomic<bool>* says_changes = nullptr;
  uint32_t member = 0;
  uint32_t members = 1;
  uint32_t slots = 0;  // not 0: with standbys; see ConsumerOptions
  // A batch is what a reader, and a record that comes meanwhile, waits for at least. After a stall the log has a lot,
  // and with 4 MiB a batch took half a second and more, while smaller ones cost no more for each record.
  size_t batch_bytes_max = 512u << 10;
  env::TimeUs commit_interval_us = 0;  // wait at least this long between commits; 0: as the records come
  // Whether the log may forget what lies before the states on this disk. It must not where another worker, with another
  // disk, may get the partition, because that one rebuilds the state from the log.
  bool trims = true;
  // The log may have lost what a state stands for: such a state goes on from where it is, which is refused otherwise.
  bool accept_loss = false;
  env::TimeUs persist_interval_us = 30'000'000;  // of each partition, in turn: how much a crash replays, in time
  // Rows that a persist copies after each batch: about a millisecond's worth.
  size_t gather_rows_max = 2048;
};

}  // namespace freshet::action
