#include "common/zipf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace freshet::bench {
namespace {

// Counts of each rank must lie within six standard deviations of what the definition says.
void check_distribution(uint64_t count, double exponent) {
  constexpr int kSamples = 400'000;
  double total = 0;
  for (uint64_t rank = 1; rank <= count; ++rank) total += std::pow(static_cast<double>(rank), -exponent);
  std::vector<int> seen(count, 0);
  Numbers numbers(7);
  const Zipf zipf(count, exponent);
  for (int i = 0; i < kSamples; ++i) {
    const uint64_t rank = zipf.sample(numbers);
    ASSERT_LT(rank, count);
    ++seen[rank];
  }
  for (uint64_t rank = 0; rank < count; ++rank) {
    const double share = std::pow(static_cast<double>(rank + 1), -exponent) / total;
    const double tolerance = 6 * std::sqrt(kSamples * share * (1 - share)) + 1;
    EXPECT_NEAR(seen[rank], kSamples * share, tolerance) << "rank " << rank << " exponent " << exponent;
  }
}

TEST(Zipf, FollowsItsDefinition) {
  for (const double exponent : {0.0, 0.5, 0.99, 1.0, 1.3, 2.0}) check_distribution(50, exponent);
  check_distribution(1, 0.99);
  check_distribution(2, 0.99);
}

TEST(Zipf, SameSeedSameNumbers) {
  const Zipf zipf(1'000'000, 0.99);
  Numbers one(3);
  Numbers two(3);
  Numbers other(4);
  int different = 0;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t rank = zipf.sample(one);
    EXPECT_EQ(rank, zipf.sample(two));
    different += rank != zipf.sample(other);
  }
  EXPECT_GT(different, 500);
}

TEST(Numbers, UnitStaysBelowOne) {
  Numbers numbers(1);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double value = numbers.unit();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.01);
}

}  // namespace
}  // namespace freshet::bench
