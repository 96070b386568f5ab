// Where action tells that a state has become durable, so that checkpoints are made of it. Action knows this interface
// only: it works the same with checkpoints and without.
#pragma once

#include <cstdint>
#include <vector>

#include "state/partition_state.h"

namespace freshet::state {

class CheckpointKeeper {
 public:
  virtual ~CheckpointKeeper() = default;
  // After state.finish_persist(), on that thread; returns at once. Answers from where on the log must keep the
  // partition's records: the oldest offset that a checkpoint needs, or that may still be needed for lack of one.
  // `round` is what round() was before the persist began.
  [[nodiscard]] virtual int64_t persisted(uint32_t partition, const PartitionState& state, uint64_t round) = 0;

  // How often somebody has asked for checkpoints of what is there now. A worker that sees it risen says so once and
  // makes all of its partitions durable. Any thread.
  [[nodiscard]] virtual uint64_t round() const { return 0; }
  // These are the partitions that the worker `member` makes durable for that round.
  virtual void takes_part(uint64_t /*round*/, uint32_t /*member*/, const std::vector<uint32_t>& /*partitions*/) {}
};

}  // namespace freshet::state
