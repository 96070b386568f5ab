#include "env/steadiness.h"

#include <cstdlib>

namespace freshet::env {

TimeUs Steadiness::look(TimeUs now_us, TimeUs monotonic_us) {
  const TimeUs ahead_us = now_us - monotonic_us;
  const TimeUs moved_us = ahead_us - ahead_us_.value_or(ahead_us);
  jumped_us_ = std::abs(moved_us) > kJumpUs ? moved_us : 0;
  if (!ahead_us_ || jumped_us_ != 0) since_us_ = monotonic_us;
  ahead_us_ = ahead_us;
  now_us_ = now_us;
  steady_us_ = monotonic_us - since_us_;
  return steady_us_;
}

}  // namespace freshet::env
