// Disks that fill, and the ones that only look like it.
#include "fleet/watch/forecast.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace freshet::fleet {
namespace {

constexpr env::TimeUs kMinute = 60'000'000;

template <class Value>
History every_minute(int minutes, const Value& value) {
  History history(History::Bounds{});
  for (int i = 1; i <= minutes; ++i) history.add(i * kMinute, {value(i)});
  return history;
}

TEST(ForecastTest, SeesADiskFill) {
  const History used = every_minute(60, [](int i) { return int64_t{1000} * i; });
  EXPECT_NEAR(*seconds_to_full(used, 0, 90'000, 10 * kMinute), 1800, 1);
  EXPECT_EQ(seconds_to_full(used, 0, 50'000, 10 * kMinute), 0);
}

TEST(ForecastTest, KnowsASawTooth) {
  // Retention takes away every 20 minutes what has come in that time.
  const History steady = every_minute(60, [](int i) { return int64_t{10'000} + 1000 * (i % 20); });
  EXPECT_EQ(seconds_to_full(steady, 0, 40'000, 10 * kMinute), std::nullopt);
  // Just before a tooth's end, and within the first one after a drop.
  const History near = every_minute(39, [](int i) { return int64_t{10'000} + 1000 * (i % 20); });
  EXPECT_EQ(seconds_to_full(near, 0, 40'000, 10 * kMinute), std::nullopt);
  const History dropped = every_minute(30, [](int i) { return int64_t{10'000} + 1000 * (i % 20); });
  EXPECT_EQ(seconds_to_full(dropped, 0, 40'000, 10 * kMinute), std::nullopt);
  // One that climbs by 100 a minute is full when its peaks are.
  const History climbing = every_minute(60, [](int i) { return int64_t{10'000} + 1000 * (i % 10) + 100 * i; });
  const auto full_s = seconds_to_full(climbing, 0, 40'000, 10 * kMinute);
  ASSERT_TRUE(full_s);
  EXPECT_NEAR(*full_s, (40'000 - 10'000 - 9000 - 6000) / 100.0 * 60, 1200);
}

TEST(ForecastTest, SaysNothingWhereTooLittleIsKnown) {
  const auto growing = [](int i) { return int64_t{1000} * i; };
  EXPECT_EQ(seconds_to_full(every_minute(11, growing), 0, 90'000, kMinute), std::nullopt);
  EXPECT_EQ(seconds_to_full(every_minute(20, growing), 0, 90'000, 60 * kMinute), std::nullopt);
  EXPECT_EQ(seconds_to_full(every_minute(20, growing), 0, kNoValue, kMinute), std::nullopt);
  EXPECT_EQ(seconds_to_full(every_minute(20, growing), 1, 90'000, kMinute), std::nullopt);
  EXPECT_EQ(seconds_to_full(History(History::Bounds{}), 0, 90'000, kMinute), std::nullopt);
}

// Whatever repeats itself never fills a disk.
RC_GTEST_PROP(ForecastTest, NothingThatRepeatsItselfGrows, ()) {
  const auto tooth = *rc::gen::nonEmpty(rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(0, 1000)));
  RC_PRE(tooth.size() <= 20u);
  const auto value = [&](int i) { return tooth[static_cast<size_t>(i) % tooth.size()]; };
  RC_ASSERT(seconds_to_full(every_minute(60, value), 0, 2000, kMinute) == std::nullopt);
}

}  // namespace
}  // namespace freshet::fleet
