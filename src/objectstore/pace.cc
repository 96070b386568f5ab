#include "objectstore/pace.h"

#include <algorithm>

namespace freshet::objectstore {
namespace {

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
    free_at_us_ += static_cast<env::TimeUs>(static_cast<double>(bytes) * 1e6 / static_cast<double>(bytes_per_s_));
  }
  if (wait > 0) clock_.sleep_us(wait);
}

}  // namespace freshet::objectstore
