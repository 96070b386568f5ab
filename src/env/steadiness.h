// Whether the wall clock can be believed when something is to be deleted because of its age. A clock that is set to
// next month makes everything look old: so nothing goes before the clock has shown for a while that it means it.
#pragma once

#include <algorithm>
#include <optional>

#include "base/saturated.h"
#include "env/clock.h"

namespace freshet::env {

// Age deletes nothing before the clock has been steady for as long as this, or for as long as the thing is kept.
inline constexpr TimeUs kSteadyUs = 3'600'000'000;

// Not thread-safe.
class Steadiness {
 public:
  static constexpr TimeUs kJumpUs = 60'000'000;  // A clock that is slewed is never that far off in one turn.

  // To be called at every turn, and once at the begin: for how long the wall clock has gone along with the monotonic
  // one.
  TimeUs look(TimeUs now_us, TimeUs monotonic_us);
  TimeUs look(Clock& clock) { return look(clock.now_us(), clock.monotonic_us()); }
  // By how much the clock jumped at the last look; 0: it went along.
  [[nodiscard]] TimeUs jumped_us() const { return jumped_us_; }

  // As the last look has it: whether what is older than `kept_us` may go.
  [[nodiscard]] bool may_expire(TimeUs kept_us) const { return steady_us_ >= std::min(kept_us, kSteadyUs); }
  // As the last look has it: for how long at least it has been, but for kJumpUs, since what was stamped with `at_us`,
  // though the clock may have jumped in between. A stamp from the future is from before a jump back, or from after the
  // look.
  [[nodiscard]] TimeUs surely_since(TimeUs at_us) const {
    if (now_us_ < saturated_difference(at_us, kJumpUs)) return steady_us_;
    return std::clamp<TimeUs>(saturated_difference(now_us_, at_us), 0, steady_us_);
  }

 private:
  std::optional<TimeUs> ahead_us_;  // of the monotonic clock
  TimeUs since_us_ = 0;
  TimeUs now_us_ = 0;
  TimeUs steady_us_ = 0;
  TimeUs jumped_us_ = 0;
};

}  // namespace freshet::env
