#include "ingest/cpu_shares.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace freshet::ingest {
namespace {

using Verdict = CpuShares::Verdict;

constexpr double kCores = 2;

// For so many seconds each party sends requests of 1 ms, as many a second as it says; returns when that ends.
env::TimeUs use(CpuShares& shares, const std::vector<int>& per_second, int seconds) {
  env::TimeUs now = 1'000'000;
  for (int tick = 0; tick < seconds * 100; ++tick) {
    now += 10'000;
    for (size_t i = 0; i < per_second.size(); ++i)
      if (per_second[i] > 0 && tick % (100 / std::min(per_second[i], 100)) == 0)
        for (int n = 0; n < std::max(per_second[i] / 100, 1); ++n) shares.used(std::to_string(i), 1'000, now);
  }
  return now;
}

TEST(CpuShares, WhoTakesMoreThanItsShareWaitsAndTheOthersDoNot) {
  CpuShares shares(kCores);
  const env::TimeUs now = use(shares, {10, 800}, 5);
  EXPECT_EQ(shares.judge("0", now), Verdict::kHere);
  EXPECT_EQ(shares.judge("1", now), Verdict::kShare);
  EXPECT_EQ(shares.judge("never seen", now), Verdict::kHere);
}

TEST(CpuShares, NobodyWaitsWhileThereIsEnoughForAll) {
  CpuShares shares(kCores);
  const env::TimeUs now = use(shares, {200, 200}, 5);
  EXPECT_EQ(shares.judge("0", now), Verdict::kHere);
  EXPECT_EQ(shares.judge("1", now), Verdict::kHere);
}

TEST(CpuShares, AloneNobodyWaits) {
  CpuShares shares(kCores);
  const env::TimeUs now = use(shares, {1'900}, 5);
  EXPECT_EQ(shares.judge("0", now), Verdict::kHere);
}

TEST(CpuShares, WhoseRequestsAreLongRunsBesideUntilThatIsForgotten) {
  CpuShares shares(kCores);
  env::TimeUs now = 1'000'000;
  shares.used("a", 12'000, now);
  EXPECT_EQ(shares.judge("a", now), Verdict::kLong);
  EXPECT_EQ(shares.judge("b", now), Verdict::kHere);
  for (int i = 0; i < 10; ++i) shares.used("a", 100, now);  // short ones change nothing about that
  EXPECT_EQ(shares.judge("a", now + 1'900'000), Verdict::kLong);
  EXPECT_EQ(shares.judge("a", now + 2'100'000), Verdict::kHere);
}

TEST(CpuShares, OfTenThousandOnlyWhoTakesMoreThanItsShareWaits) {
  CpuShares shares(kCores);
  constexpr env::TimeUs kNow = 1'000'000;
  for (int i = 0; i < 10'000; ++i) shares.used(std::to_string(i), 80, kNow);
  EXPECT_EQ(shares.judge("loud", kNow), Verdict::kHere);
  for (int i = 0; i < 130; ++i) shares.used("loud", 1'000, kNow);
  EXPECT_EQ(shares.judge("loud", kNow), Verdict::kShare);
  EXPECT_EQ(shares.judge("1", kNow), Verdict::kHere);
  EXPECT_EQ(shares.judge("loud", kNow + 1'000'000), Verdict::kHere) << "all together take less than there is";
}

TEST(CpuShares, ForgetsWhoDoesNotComeAgain) {
  CpuShares shares(kCores);
  for (int i = 0; i < 1'000; ++i) shares.used(std::to_string(i), 1'000, 1'000'000);
  shares.used("late", 1'000, 60'000'000);
  (void)shares.judge("late", 60'000'000);
  EXPECT_EQ(shares.parties(), 1U);
}

// Whatever others do, one that uses less than an equal part of what there is has its requests done at once.
RC_GTEST_PROP(CpuShares, ASmallUseIsNeverSetBack, (const std::vector<uint8_t>& others)) {
  std::vector<int> per_second{10};
  for (const uint8_t other : others)
    if (per_second.size() < 20) per_second.push_back(other * 4);
  CpuShares shares(kCores);
  const env::TimeUs now = use(shares, per_second, 3);
  RC_ASSERT(shares.judge("0", now) == Verdict::kHere);
}

}  // namespace
}  // namespace freshet::ingest
