// Where action tells that a state has become durable, so that checkpoints are made of it. Action knows this interface
// only: it works the same with checkpoints and without.
#pragma once

#include <cstdint>

#include "state/partition_state.h"

namespace freshet::state {

class CheckpointKeeper {
 public:
  virtual ~CheckpointKeeper() = default;
  // After state.finish_persist(), on that thread; returns at once. Answers from where on the log must keep the
  // partition's records: the oldest offset that a checkpoint needs, or that may still be needed for lack of one.
  [[nodiscard]] virtual int64_t persisted(uint32_t partition, const PartitionState& state) = 0;
};

}  // namespace freshet::state
