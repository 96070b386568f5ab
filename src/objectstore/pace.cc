// A leaky bucket: each taker books its time at the end of what is booked, and sleeps until it
// begins.

#include "objectstore/pace.h"

#include <algorithm>

namespace freshet::objectstore {
namespace {

// How much of a rest may be made up for at once.
constexpr env::TimeUs kBurstUs = 100'000;

}  // namespace

void Pace::take(uint64_t bytes) {
  if (bytes_per_s_ == 0) return;
  const env::TimeUs now = clock_.monotonic_us();
  env::TimeUs wait = 0;
  {
    const std::lock_guard lock(mutex_);
    free_at_us_ = std::max(free_at_us_, now - kBurstUs);
    wait = free_at_us_ - now;
    // The lock is given back before the sleep, so that others can book behind it.
    free_at_us_ += static_cast<env::TimeUs>(static_cast<double>(bytes) * 1e6 / static_cast<double>(bytes_per_s_));
  }
  if (wait > 0) clock_.sleep_us(wait);
}

}  // namespace freshet::objectstore
