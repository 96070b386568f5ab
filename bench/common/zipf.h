// Seeded numbers for workloads: a small generator, and Zipf's distribution over ranks without a
// table, by rejection-inversion (Hörmann and Derflinger, "Rejection-inversion to generate variates
// from monotone discrete distributions", 1996), which takes constant time and memory for any number
// of users. Each thread has its own.
#pragma once

#include <cstdint>

namespace freshet::bench {

// SplitMix64 (Vigna): full period, one addition and three multiplications for a number. The same
// seed gives the same numbers.
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed) {}
  [[nodiscard]] uint64_t next();
  [[nodiscard]] uint64_t below(uint64_t bound) { return next() % bound; }  // REQUIRES: bound > 0
  [[nodiscard]] double unit();                                             // in [0, 1)

 private:
  uint64_t state_;
};

// Ranks as people are: a few do most.
class Zipf {
 public:
  // REQUIRES: count > 0, exponent >= 0 (with 0 it is uniform).
  Zipf(uint64_t count, double exponent);
  // A rank in [0, count): rank r with a probability proportional to 1 / (r + 1)^exponent.
  [[nodiscard]] uint64_t sample(Numbers& numbers) const;

 private:
  [[nodiscard]] double integral(double x) const;  // of x^-exponent, from 1 on
  [[nodiscard]] double inverse(double y) const;
  [[nodiscard]] double density(double x) const;

  double count_;
  double exponent_;
  double lowest_ = 0;
  double highest_ = 0;
  // A sample that is so close to a rank needs no further test.
  double accept_ = 0;
};

}  // namespace freshet::bench
