#include "env/steadiness.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

namespace freshet::env {
namespace {

RC_GTEST_PROP(Steadiness, IsTheTimeSinceTheLastJump, ()) {
  Steadiness steadiness;
  TimeUs monotonic = 0, ahead = *rc::gen::inRange<TimeUs>(-1'000'000'000, 1'000'000'000), since = 0;
  steadiness.look(monotonic + ahead, monotonic);
  for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(-3, 4))) {
    monotonic += 1'000'000;
    const TimeUs moved = step * Steadiness::kJumpUs * 2 / 3;
    ahead += moved;
    const bool jumped = std::abs(moved) > Steadiness::kJumpUs;
    if (jumped) since = monotonic;
    RC_ASSERT(steadiness.look(monotonic + ahead, monotonic) == monotonic - since);
    RC_ASSERT(steadiness.jumped_us() == (jumped ? moved : 0));
  }
}

// What is said to have been so long ago has been at least that long ago, wherever the clock jumped to since.
RC_GTEST_PROP(Steadiness, NeverSaysThatMoreTimeHasPassedThanHas, ()) {
  Steadiness steadiness;
  TimeUs monotonic = 0, ahead = 0;
  steadiness.look(monotonic + ahead, monotonic);
  const std::vector<int> jumps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(-3, 4));
  std::vector<std::pair<TimeUs, TimeUs>> stamps;  // what the wall clock said, and when that was in truth
  for (const int jump : jumps) {
    stamps.emplace_back(monotonic + ahead, monotonic);
    monotonic += *rc::gen::inRange<TimeUs>(1, 1'000'000'000);
    ahead += jump * 40ll * 86'400'000'000;
    steadiness.look(monotonic + ahead, monotonic);
    for (const auto& [said, truth] : stamps) RC_ASSERT(steadiness.surely_since(said) <= monotonic - truth);
  }
}

TEST(Steadiness, TakesNothingForOldThatWasStampedAfterTheLook) {
  Steadiness steadiness;
  steadiness.look(0, 0);
  steadiness.look(kSteadyUs, kSteadyUs);
  EXPECT_EQ(steadiness.surely_since(kSteadyUs + 5'000), 0);
  EXPECT_EQ(steadiness.surely_since(kSteadyUs - 5'000), 5'000);
}

TEST(Steadiness, StampsAtTheEndsOf64Bits) {
  Steadiness steadiness;
  steadiness.look(0, 0);
  steadiness.look(kSteadyUs, kSteadyUs);
  EXPECT_EQ(steadiness.surely_since(std::numeric_limits<TimeUs>::min()), kSteadyUs);
  EXPECT_EQ(steadiness.surely_since(std::numeric_limits<TimeUs>::max()), kSteadyUs) << "from before a jump back";
}

TEST(Steadiness, LetsShortLivedThingsGoSooner) {
  Steadiness steadiness;
  steadiness.look(0, 0);
  EXPECT_FALSE(steadiness.may_expire(5'000'000));
  steadiness.look(5'000'000, 5'000'000);
  EXPECT_TRUE(steadiness.may_expire(5'000'000));
  EXPECT_FALSE(steadiness.may_expire(30 * kSteadyUs));
  steadiness.look(kSteadyUs, kSteadyUs);
  EXPECT_TRUE(steadiness.may_expire(30 * kSteadyUs));
}

}  // namespace
}  // namespace freshet::env
