// A running capture: the loop with all that it needs, on a real database and a real cluster.
#pragma once

#include <memory>

#include "base/result.h"
#include "capture/config.h"
#include "capture/loop.h"
#include "env/clock.h"

namespace freshet::capture {

// One thread uses it.
class Process {
 public:
  // Waits until both sides answer, and has what a predecessor left open ended. `config` outlives it. kInvalid: what the
  // file says is wrong, or a side refuses us; kRetry: one does not answer.
  [[nodiscard]] static Result<std::unique_ptr<Process>> open(const Config& config, bool snapshot, env::Clock& clock);
  virtual ~Process() = default;
  // See Loop::step(). Its gauges are brought up to date a few times a second.
  [[nodiscard]] virtual Status step() = 0;
};

// How far a capture has come, whether or not it runs; nothing is made or changed. nullopt: it never began.
[[nodiscard]] Result<std::optional<Position>> look_at(const Config& config, env::Clock& clock);

}  // namespace freshet::capture
