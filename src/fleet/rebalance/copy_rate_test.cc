// The controller of throttles, over any course of events.
#include "fleet/rebalance/copy_rate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace freshet::fleet::rebalance {
namespace {

constexpr CopyRateRange kRange{5e6, 50e6};

TEST(CopyRate, SufferingIsJudgedByHowItWasBefore) {
  const Signs before{0.01, 2, 1};
  const Bounds bounds;
  EXPECT_EQ(suffering_of(before, before, bounds), std::nullopt);
  EXPECT_EQ(suffering_of(before, {0.19, 31, 1}, bounds), std::nullopt);
  EXPECT_EQ(suffering_of(before, {0.01, 2, 3}, bounds), "3 partitions not in sync, 1 before");
  EXPECT_EQ(suffering_of(before, {0.01, 95, 0}, bounds), "a group is 95 s behind, 2 s before");
  EXPECT_EQ(suffering_of(before, {0.25, 0, 0}, bounds), "a small request takes 250 ms, 10 ms before");
  // A cluster that was slow before is not made slower by us, up to three times that.
  EXPECT_EQ(suffering_of({0.1, 0, 0}, {0.25, 0, 0}, bounds), std::nullopt);
  EXPECT_NE(suffering_of({0.1, 0, 0}, {0.35, 0, 0}, bounds), std::nullopt);
}

TEST(CopyRate, IsHalvedAndComesBackInSmallSteps) {
  CopyRate copy_rate{40e6, -1000, -1000};
  copy_rate = next_copy_rate(copy_rate, true, kRange, 0);
  EXPECT_EQ(copy_rate.bytes_per_s, 20e6);
  EXPECT_EQ(next_copy_rate(copy_rate, true, kRange, 9).bytes_per_s, 20e6);  // its effect is not seen yet
  copy_rate = next_copy_rate(copy_rate, true, kRange, 10);
  EXPECT_EQ(copy_rate.bytes_per_s, 10e6);
  EXPECT_EQ(next_copy_rate(copy_rate, false, kRange, 39).bytes_per_s, 10e6);
  copy_rate = next_copy_rate(copy_rate, false, kRange, 40);
  EXPECT_EQ(copy_rate.bytes_per_s, 12.5e6);
  // One bad moment, and the calm begins anew.
  CopyRate hurt = next_copy_rate(copy_rate, true, kRange, 45);
  EXPECT_EQ(hurt.bytes_per_s, 12.5e6);
  EXPECT_EQ(next_copy_rate(hurt, false, kRange, 74).bytes_per_s, 12.5e6);
  EXPECT_EQ(next_copy_rate(hurt, false, kRange, 75).bytes_per_s, 15.625e6);
}

TEST(CopyRate, FollowsWhatLetsCopiesCatchUp) {
  const CopyRate copy_rate{10e6, 0, 0};
  // More comes in than before: below that copies would never end, however much the cluster suffers.
  EXPECT_EQ(next_copy_rate(copy_rate, true, {30e6, 50e6}, 1).bytes_per_s, 30e6);
  // And never above what somebody has allowed.
  EXPECT_EQ(next_copy_rate(copy_rate, false, {80e6, 50e6}, 1).bytes_per_s, 50e6);
}

RC_GTEST_PROP(CopyRate, StaysInItsRangeAndMovesTheRightWay, ()) {
  CopyRate copy_rate{*rc::gen::inRange(1, 100) * 1e6, 0, 0};
  double at_s = 0, changed_s = 0;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, bool>>>(
      rc::gen::pair(rc::gen::inRange(1, 40), rc::gen::arbitrary<bool>()));
  copy_rate = next_copy_rate(copy_rate, false, kRange, at_s);
  changed_s = copy_rate.changed_s;
  for (const auto& [seconds, suffers] : steps) {
    at_s += seconds;
    const CopyRate next = next_copy_rate(copy_rate, suffers, kRange, at_s);
    RC_ASSERT(next.bytes_per_s >= kRange.least && next.bytes_per_s <= kRange.most);
    if (suffers) RC_ASSERT(next.bytes_per_s <= copy_rate.bytes_per_s);
    if (!suffers)
      RC_ASSERT(next.bytes_per_s >= copy_rate.bytes_per_s && next.bytes_per_s <= copy_rate.bytes_per_s * kRaiseTo);
    if (next.bytes_per_s != copy_rate.bytes_per_s) {
      RC_ASSERT(at_s - changed_s >= kSettleS);
      changed_s = at_s;
    }
    copy_rate = next;
  }
  // Whatever was before: a cluster that goes on suffering soon has the least, and one that is well the most.
  CopyRate bad = copy_rate, good = copy_rate;
  for (int i = 0; i < 10; ++i) bad = next_copy_rate(bad, true, kRange, at_s += kSettleS);
  for (int i = 0; i < 20; ++i) good = next_copy_rate(good, false, kRange, at_s += kCalmS);
  RC_ASSERT(bad.bytes_per_s == kRange.least);
  RC_ASSERT(good.bytes_per_s == kRange.most);
}

}  // namespace
}  // namespace freshet::fleet::rebalance
