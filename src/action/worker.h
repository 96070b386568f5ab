// Action's worker: one thread that reads its partitions of `actions`, runs their engines and commits what they say
// together with the offsets (invariant 4). States are made durable behind the commits, never before: a state on disk
// that stands for records whose outputs were not committed would, after a crash, never say them. After a start or a
// take-over the worker replays from the state's offset to the committed one with outputs suppressed.
#pragma once

#include <memory>

#include "action/worker_options.h"
#include "base/result.h"

namespace freshet::action {

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

}  // namespace freshet::action
