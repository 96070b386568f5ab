// How much of a rate is left: it fills while nothing is taken, up to a burst. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "env/clock.h"

namespace freshet::ingest {

class TokenBucket {
 public:
  // How many whole ones may be taken now, at `per_second` with at most `burst` of them together. Both may change from
  // call to call; a bucket begins full. `now_us` is monotonic.
  [[nodiscard]] uint64_t available(double per_second, double burst, env::TimeUs now_us) {
    const double seconds = static_cast<double>(std::max<env::TimeUs>(now_us - at_us_, 0)) / 1e6;
    tokens_ = begun_ ? std::min(tokens_ + per_second * seconds, burst) : burst;
    begun_ = true;
    at_us_ = now_us;
    return tokens_ < 1 ? 0 : static_cast<uint64_t>(tokens_);
  }
  // Two who ask at the same time may take more than there is: then the next ones come later.
  void take(uint64_t count) { tokens_ -= static_cast<double>(count); }

 private:
  bool begun_ = false;
  double tokens_ = 0;
  env::TimeUs at_us_ = 0;
};

}  // namespace freshet::ingest
