// Opens the state of a partition, wherever it is nearest: what this disk has, or the newest whole checkpoint. What is
// damaged here is moved aside and replaced by a checkpoint; a damaged checkpoint is replaced by the next older one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "objectstore/object_store.h"
#include "state/checkpoint/catalog.h"
#include "state/partition_state.h"

namespace freshet::state {

struct RecoverOptions {
  objectstore::ObjectStore* checkpoints = nullptr;  // null: there are none
  objectstore::Pace* pace = nullptr;                // with checkpoints
  uint32_t partition = 0;
  CheckpointIdentity identity;     // without checkpoints only the number of partitions
  std::string directory;           // of the state: what open() opens
  int64_t log_begins_at = 0;       // the oldest record that the log has: nothing before it can be replayed
  bool begins_with_state = false;  // the log was made for a state that there was before: an empty one is not its
  bool accept_loss = false;        // what the log no longer has is no reason to stop
  std::function<Result<std::unique_ptr<PartitionState>>()> open;
  Progress progress;
};

// kInvalid if what was made for `found` partitions is to go on with another number: records would be looked for where
// they are not, and two profiles made of one person. `what` begins the sentence.
[[nodiscard]] Status check_partitions(std::string_view what, uint32_t found, uint32_t configured);

// kInvalid, too: there is no state here and no checkpoint, but there has to be one.
// kCorrupt: damaged here, or too old for the log, and no checkpoint helps: says what was tried. kInvalid: the
// checkpoints are of another installation, or the state is of another number of partitions. kRetry: the checkpoints are
// needed and can't be reached. Blocks as long as the transfer takes.
[[nodiscard]] Result<std::unique_ptr<PartitionState>> open_or_restore(const RecoverOptions& options);

}  // namespace freshet::state
