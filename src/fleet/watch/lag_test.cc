// Lag in messages and in seconds, against logs whose every message has a known time.
#include "fleet/watch/lag.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace freshet::fleet {
namespace {

constexpr env::TimeUs kSecond = 1'000'000;

// One row, looked at every ten seconds.
History looks(const std::vector<int64_t>& values) {
  History history(History::Bounds{});
  env::TimeUs at_us = 0;
  for (const int64_t value : values) history.add(at_us += 10 * kSecond, {value});
  return history;
}

TEST(LagTest, CountsWhatWaitsAndWhatIsLost) {
  EXPECT_EQ(waiting_of(0, 100, 90).lag, 10);
  EXPECT_EQ(waiting_of(40, 100, 10).lag, 60);
  EXPECT_EQ(waiting_of(40, 100, 10).lost, 30);
  EXPECT_EQ(waiting_of(40, 100, 40).lost, 0);
  EXPECT_EQ(waiting_of(0, 100, 120).lag, 0);
}

TEST(LagTest, InterpolatesWhenTheMessageCame) {
  const History ends = looks({100, 200, 300, 300, 400});  // at 10, 20, 30, 40 and 50 s
  EXPECT_EQ(age_of(ends, 0, 400).seconds, 0);
  EXPECT_NEAR(age_of(ends, 0, 350).seconds, 5, 1e-9);
  EXPECT_NEAR(age_of(ends, 0, 300).seconds, 10, 1e-9);  // it came after 40 s
  EXPECT_NEAR(age_of(ends, 0, 250).seconds, 25, 1e-9);
  EXPECT_EQ(age_of(ends, 0, 250).basis, AgeBasis::kMeasured);
  EXPECT_NEAR(age_of(ends, 0, 100).seconds, 40, 1e-9);
}

TEST(LagTest, SaysHowWellItIsKnown) {
  const History ends = looks({100, 200, 300});
  const Age before = age_of(ends, 0, 0);
  EXPECT_EQ(before.basis, AgeBasis::kEstimated);
  EXPECT_NEAR(before.seconds, 30, 1e-9);
  const Age idle = age_of(looks({500, 500, 500}), 0, 100);
  EXPECT_EQ(idle.basis, AgeBasis::kAtLeast);
  EXPECT_NEAR(idle.seconds, 20, 1e-9);
  EXPECT_EQ(age_of(looks({500}), 0, 100).basis, AgeBasis::kAtLeast);
  EXPECT_EQ(age_of(looks({500, kNoValue}), 0, 100).basis, AgeBasis::kAtLeast);
  // What was known before the partition was away does not count.
  EXPECT_NEAR(age_of(looks({100, kNoValue, 300, 400}), 0, 250).seconds, 15, 1e-9);
}

TEST(LagTest, CatchesUpOnlyIfItReadsFasterThanTheLogGrows) {
  EXPECT_EQ(seconds_to_catch_up(1, 0, 100), 0);  // it may be a marker
  EXPECT_EQ(seconds_to_catch_up(1000, 100, 100), std::nullopt);
  EXPECT_EQ(seconds_to_catch_up(1000, 300, 100), 5);
}

TEST(LagTest, SeesRetentionComing) {
  // The start jumps by a segment of 600 every 20 s: 30 a second.
  const History starts = looks({0, 0, 600, 600, 1200, 1200, 1800});
  EXPECT_NEAR(*seconds_to_retention(starts, 0, 2400, 0), 20, 1e-9);
  EXPECT_NEAR(*seconds_to_retention(starts, 0, 2400, 10), 30, 1e-9);
  EXPECT_EQ(seconds_to_retention(starts, 0, 2400, 30), std::nullopt);
  EXPECT_EQ(seconds_to_retention(starts, 0, 600, 0), 0);  // overtaken already
  // One jump says nothing of a rate.
  EXPECT_EQ(seconds_to_retention(looks({0, 0, 600, 600}), 0, 700, 0), std::nullopt);
}

// A log that grows evenly between looks: the age is exact, whichever message it is of.
RC_GTEST_PROP(LagTest, AgesAreExactWhereTheLogGrowsEvenly, ()) {
  const auto steps = *rc::gen::nonEmpty(rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(0, 50)));
  std::vector<int64_t> values = {7};
  std::vector<double> came_s;  // by offset, from 7 on
  for (size_t i = 0; i < steps.size() && i < 60; ++i) {
    const double from_s = 10 * static_cast<double>(values.size());
    for (int64_t k = 0; k < steps[i]; ++k)
      came_s.push_back(from_s + 10 * static_cast<double>(k) / static_cast<double>(steps[i]));
    values.push_back(values.back() + steps[i]);
  }
  const History ends = looks(values);
  const double now_s = 10 * static_cast<double>(values.size());
  double older_s = now_s;
  for (size_t i = 0; i < came_s.size(); ++i) {
    const Age age = age_of(ends, 0, 7 + static_cast<int64_t>(i));
    RC_ASSERT(age.basis == AgeBasis::kMeasured);
    RC_ASSERT(std::abs(age.seconds - (now_s - came_s[i])) < 1e-6);
    RC_ASSERT(age.seconds <= older_s);
    older_s = age.seconds;
  }
}

}  // namespace
}  // namespace freshet::fleet
