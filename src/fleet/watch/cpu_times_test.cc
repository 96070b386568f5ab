#include "fleet/watch/cpu_times.h"

#include <gtest/gtest.h>

namespace freshet::fleet {
namespace {

constexpr env::TimeUs kSecondUs = 1'000'000;

TEST(CpuTimes, OfTheKernelsFirstLine) {
  const auto found = parse_proc_stat("cpu  100 1 50 800 40 2 3 4 99 0\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->all, 1000U);
  EXPECT_EQ(found->busy, 160U);
  EXPECT_EQ(parse_proc_stat("Welcome to broker 1\ncpu  1 0 0 9\n")->all, 10U) << "behind a machine's greeting";
  for (const char* wrong : {"", "cpu", "cpu \n", "cpu  1 2 3\n", "cpu0 1 2 3 4 5\n", "cpu  x 2 3 4\n", "no such file"})
    EXPECT_FALSE(parse_proc_stat(wrong)) << wrong;
}

TEST(CpuShares, AreOfTheLastMinute) {
  CpuShares shares;
  EXPECT_FALSE(shares.take(1, 0, {0, 1000}));
  EXPECT_DOUBLE_EQ(*shares.take(1, 10 * kSecondUs, {100, 1200}), 0.5);
  EXPECT_FALSE(shares.take(2, 10 * kSecondUs, {100, 1200})) << "another broker";
  // A minute later what was before it does not count.
  EXPECT_DOUBLE_EQ(*shares.take(1, 70 * kSecondUs, {100, 2200}), 0);
  EXPECT_FALSE(shares.take(1, 80 * kSecondUs, {5, 10})) << "the machine began anew";
  EXPECT_DOUBLE_EQ(*shares.take(1, 90 * kSecondUs, {10, 20}), 0.5);
  EXPECT_FALSE(shares.take(2, 20 * kSecondUs, {100, 1200})) << "it stands still";
}

}  // namespace
}  // namespace freshet::fleet
