// The names of the paper: H is integral(), its inverse is inverse(), h is density().

#include "common/zipf.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace freshet::bench {

uint64_t Numbers::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// 53 bits are what a double holds exactly, so 1 is never reached.
double Numbers::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

Zipf::Zipf(uint64_t count, double exponent) : count_(static_cast<double>(count)), exponent_(exponent) {
  FRESHET_ASSERT(count > 0 && exponent >= 0);
  lowest_ = integral(1.5) - 1;
  highest_ = integral(count_ + 0.5);
  accept_ = 2 - inverse(integral(2.5) - density(2));
}

double Zipf::integral(double x) const {
  const double power = 1 - exponent_;
  const double logarithm = std::log(x);
  // Near exponent 1 the general formula divides by almost nothing.
  return std::abs(power) < 1e-9 ? logarithm : std::expm1(power * logarithm) / power;
}

double Zipf::inverse(double y) const {
  const double power = 1 - exponent_;
  if (std::abs(power) < 1e-9) return std::exp(y);
  return std::exp(std::log1p(std::max(y * power, -1.0)) / power);
}

double Zipf::density(double x) const { return std::exp(-exponent_ * std::log(x)); }

uint64_t Zipf::sample(Numbers& numbers) const {
  while (true) {
    const double y = highest_ + numbers.unit() * (lowest_ - highest_);
    const double x = inverse(y);
    const double rank = std::clamp(std::floor(x + 0.5), 1.0, count_);
    FRESHET_ASSERT(rank >= 1);
    if (rank - x <= accept_ || y >= integral(rank + 0.5) - density(rank)) return static_cast<uint64_t>(rank) - 1;
  }
}

}  // namespace freshet::bench
