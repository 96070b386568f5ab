#include "sinks/turns.h"

#include <gtest/gtest.h>

namespace freshet::sinks {
namespace {

constexpr env::TimeUs kSecond = 1'000'000;

// How many requests go in a second, by somebody who always has one.
int sent_in_a_second(Turns& turns, env::TimeUs from) {
  int count = 0;
  for (env::TimeUs now = from; now < from + kSecond;) {
    const auto at = turns.take(now, from + kSecond);
    if (!at) break;
    now = *at;
    ++count;
  }
  return count;
}

TEST(Turns, AreSoManyASecond) {
  Turns turns(50);
  EXPECT_EQ(sent_in_a_second(turns, kSecond), 50);
  EXPECT_EQ(sent_in_a_second(turns, 10 * kSecond), 50) << "a pause saves nothing up";
  EXPECT_EQ(turns.take(20 * kSecond, 21 * kSecond), 20 * kSecond);
  EXPECT_FALSE(turns.take(20 * kSecond, 20 * kSecond + 19'999)) << "the next one comes later";
}

TEST(Turns, OfProcessesTogetherAreNoMore) {
  Turns one(90), other(90);
  for (Turns* turns : {&one, &other}) turns->expect(12);
  one.hold(8);
  other.hold(4);
  EXPECT_EQ(sent_in_a_second(one, kSecond), 60);
  EXPECT_EQ(sent_in_a_second(other, kSecond), 30);
  one.hold(-8);
  other.hold(8);
  EXPECT_EQ(sent_in_a_second(other, 5 * kSecond), 90);
}

TEST(Turns, MayHaveAnotherRateOrNone) {
  Turns turns;
  EXPECT_EQ(turns.take(5, 6), 5);
  EXPECT_EQ(turns.take(5, 6), 5);
  turns.set_rate(10);
  EXPECT_EQ(sent_in_a_second(turns, kSecond), 10);
}

}  // namespace
}  // namespace freshet::sinks
