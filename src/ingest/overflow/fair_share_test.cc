#include "ingest/overflow/fair_share.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>

namespace freshet::ingest {
namespace {

constexpr double kAll = std::numeric_limits<double>::infinity();

TEST(FairShare, WhoWantsLittleGetsItAndTheRestIsSharedEqually) {
  EXPECT_EQ(fair_share({1, 2, 100, 100}, 43), 20);
  EXPECT_EQ(fair_share({100, 10}, 60), 50);
  EXPECT_EQ(fair_share({5, 5}, 10), kAll);
  EXPECT_EQ(fair_share({5}, 4), 4);
  EXPECT_EQ(fair_share({5, 7}, 0), 0);
  EXPECT_EQ(fair_share({5}, -3), 0);
  EXPECT_EQ(fair_share({}, 0), kAll);
}

// All that there is is given away, and nobody's use is cut below what another one gets.
RC_GTEST_PROP(FairShare, GivesAwayAllThereIs, (const std::vector<uint16_t>& wanted, uint32_t capacity)) {
  std::vector<double> uses(wanted.begin(), wanted.end());
  const double part = fair_share(uses, capacity);
  double sum = 0, given = 0;
  for (const double use : uses) {
    sum += use;
    given += std::min(use, part);
  }
  if (sum <= capacity) {
    RC_ASSERT(part == kAll);
  } else {
    RC_ASSERT(std::abs(given - capacity) < 1e-6 * (1 + capacity));
  }
}

TEST(RecentSum, HalvesEverySecond) {
  RecentSum sum;
  EXPECT_EQ(sum.at(5), 0);
  sum.add(100, 1'000'000);
  EXPECT_DOUBLE_EQ(sum.at(2'000'000), 50);
  sum.add(10, 2'000'000);
  EXPECT_DOUBLE_EQ(sum.at(3'000'000), 30);
}

TEST(RecentSum, KnowsASteadyStream) {
  RecentSum sum;
  for (int i = 0; i < 1'000; ++i) sum.add(5, i * 10'000);
  EXPECT_NEAR(sum.per_second(10'000'000), 500, 5);
}

}  // namespace
}  // namespace freshet::ingest
