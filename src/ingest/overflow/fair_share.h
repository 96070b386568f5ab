// Who takes more than a fair share of what the stages behind can do. Fair is what is called max-min: whoever wants less
// than an equal part gets all of it, and what is left over is shared equally by the others.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "env/clock.h"

namespace freshet::ingest {

// The largest part such that the uses, none of them counted above it, sum up to at most `capacity`; infinite if all of
// them fit.
[[nodiscard]] double fair_share(std::vector<double> uses, double capacity);

// For how long a share of so many parties stands until it is computed anew: with each request it would cost more than
// the request, and of ten thousand parties it takes about a millisecond.
[[nodiscard]] constexpr env::TimeUs share_stands_us(size_t parties) {
  return 10'000 + 10 * static_cast<env::TimeUs>(parties);
}

// How much came recently: a sum that halves every second. Not thread-safe.
class RecentSum {
 public:
  static constexpr double kHalfLifeUs = 1'000'000;

  void add(double count, env::TimeUs now_us) {
    sum_ = at(now_us) + count;
    at_us_ = now_us;
  }
  [[nodiscard]] double at(env::TimeUs now_us) const {
    return sum_ == 0 ? 0 : sum_ * std::exp2(-static_cast<double>(now_us - at_us_) / kHalfLifeUs);
  }
  // What a steady stream has to bring in a second for this sum.
  [[nodiscard]] double per_second(env::TimeUs now_us) const { return at(now_us) * 0.693147; }

 private:
  double sum_ = 0;
  env::TimeUs at_us_ = 0;
};

}  // namespace freshet::ingest
