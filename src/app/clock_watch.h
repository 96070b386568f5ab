// Looks out for jumps of the wall clock, for all of a process: tells of them, and says whether what is old may be
// deleted. One thread uses it.
#pragma once

#include "env/clock.h"
#include "env/steadiness.h"

namespace freshet::app {

class ClockWatch {
 public:
  explicit ClockWatch(env::Clock& clock);
  // To be called every second or so.
  void tick();
  // The time before which what is kept for `kept_us` may go; 0, before which nothing is, while the clock can't be
  // believed.
  [[nodiscard]] env::TimeUs expires_before_us(env::TimeUs kept_us) const;

 private:
  env::Clock& clock_;
  env::Steadiness steadiness_;
};

}  // namespace freshet::app
