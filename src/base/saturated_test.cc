#include "base/saturated.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

TEST(Saturated, StaysAtTheEnds) {
  EXPECT_EQ(saturated_sum(2, -5), -3);
  EXPECT_EQ(saturated_sum(kMost, 1), kMost);
  EXPECT_EQ(saturated_sum(-1, kLeast), kLeast);
  EXPECT_EQ(saturated_sum(kMost, kLeast), -1);
  EXPECT_EQ(saturated_difference(2, 5), -3);
  EXPECT_EQ(saturated_difference(0, kLeast), kMost);
  EXPECT_EQ(saturated_difference(-2, kMost), kLeast);
  EXPECT_EQ(us_of_ms(-7), -7000);
  EXPECT_EQ(us_of_ms(kMost / 1000), kMost / 1000 * 1000);
  EXPECT_EQ(us_of_ms(kMost / 1000 + 1), kMost);
  EXPECT_EQ(us_of_ms(kLeast), kLeast);
}

TEST(Saturated, WholeNumbersOfAnything) {
  EXPECT_EQ(whole_number(2.9), 2);
  EXPECT_EQ(whole_number(-2.9), -2);
  EXPECT_EQ(whole_number(9.3e18), kMost);
  EXPECT_EQ(whole_number(static_cast<double>(kMost)), kMost);
  EXPECT_EQ(whole_number(-1e300), kLeast);
  EXPECT_EQ(whole_number(static_cast<double>(kLeast)), kLeast);
  EXPECT_EQ(whole_number(std::numeric_limits<double>::quiet_NaN()), 0);
  EXPECT_EQ(magnitude(-7), 7);
  EXPECT_EQ(magnitude(kLeast), kMost);
}

TEST(Saturated, MillisecondsRoundDown) {
  EXPECT_EQ(ms_of_us(1999), 1);
  EXPECT_EQ(ms_of_us(-1), -1);
  EXPECT_EQ(ms_of_us(-1000), -1);
  EXPECT_EQ(ms_of_us(-1001), -2);
  EXPECT_EQ(ms_of_us(kLeast), kLeast / 1000 - 1);
}

}  // namespace
}  // namespace freshet
