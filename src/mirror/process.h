// A running mirror on real clusters: the loop with all that it needs, opened in the order that exactly once takes.
#pragma once

#include <memory>

#include "base/result.h"
#include "env/clock.h"
#include "mirror/config.h"
#include "mirror/loop.h"

namespace freshet::mirror {

// One thread uses it.
class Process {
 public:
  // Waits until both clusters answer, and has what a predecessor of this instance left open ended. `config` outlives
  // it. kInvalid: properties are wrong, or a cluster refuses us; kRetry: none answers.
  [[nodiscard]] static Result<std::unique_ptr<Process>> open(const Config& config, env::Clock& clock);
  virtual ~Process() = default;
  // See Loop::step(). Metrics of the partitions are brought up to date a few times a second.
  [[nodiscard]] virtual Status step() = 0;
};

}  // namespace freshet::mirror
