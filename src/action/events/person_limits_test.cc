#include "action/events/person_limits.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace freshet::action {
namespace {

constexpr int64_t kOneMinuteUs = 60'000'000;

v1::PersonLimits limits_of(uint32_t minute, uint32_t hour, uint32_t day) {
  v1::PersonLimits limits;
  limits.set_per_minute(minute);
  limits.set_per_hour(hour);
  limits.set_per_day(day);
  return limits;
}

TEST(PersonLimits, CountInWindowsOfTheClock) {
  v1::EventWindows windows;
  const v1::PersonLimits limits = limits_of(2, 3, 0);
  const int64_t at = 1'000 * 60 * kOneMinuteUs + 59'000'000;  // the last second of a minute
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(has_room(windows, limits, at));
    count_events(windows, at, 1);
  }
  EXPECT_FALSE(has_room(windows, limits, at));
  EXPECT_TRUE(has_room(windows, limits, at + 1'000'000)) << "another minute";
  count_events(windows, at + 1'000'000, 1);
  EXPECT_FALSE(has_room(windows, limits, at + 2'000'000)) << "three in this hour";
  EXPECT_FALSE(has_room(windows, limits, at)) << "what is late counts in the hour that is counted";
  EXPECT_TRUE(has_room(windows, limits, at + 60 * kOneMinuteUs));
  EXPECT_TRUE(has_room(windows, limits_of(0, 0, 0), at)) << "no limit";
}

TEST(PersonLimits, ARecordComesInWholeIfThereIsRoomForOneEvent) {
  v1::EventWindows windows;
  count_events(windows, kOneMinuteUs, 5);
  EXPECT_EQ(windows.minute().events(), 5u);
  EXPECT_TRUE(has_room(windows, limits_of(6, 0, 0), kOneMinuteUs));
  EXPECT_FALSE(has_room(windows, limits_of(5, 0, 0), kOneMinuteUs));
}

// Never more in a minute than allowed, and never fewer than possible. What is late counts in the latest minute.
RC_GTEST_PROP(PersonLimits, EachMinuteHasWhatItMayHave, (std::vector<uint16_t> seconds)) {
  v1::EventWindows windows;
  std::map<int64_t, uint32_t> came, taken;
  int64_t latest = 0;
  for (const uint16_t second : seconds) {
    const int64_t at = int64_t{second % 1'000} * 1'000'000;
    latest = std::max(latest, at / kOneMinuteUs);
    ++came[latest];
    if (!has_room(windows, limits_of(3, 0, 0), at)) continue;
    count_events(windows, at, 1);
    ++taken[latest];
  }
  for (const auto& [minute, count] : came) RC_ASSERT(taken[minute] == std::min(count, 3u));
}

// It does not matter which of two profiles absorbs the other.
RC_GTEST_PROP(PersonLimits, AbsorbingCommutes, (std::vector<uint16_t> a, std::vector<uint16_t> b)) {
  v1::EventWindows of_a, of_b;
  for (const uint16_t second : a) count_events(of_a, int64_t{second} * 1'000'000, 1);
  for (const uint16_t second : b) count_events(of_b, int64_t{second} * 1'000'000, 1);
  v1::EventWindows ab = of_a, ba = of_b;
  absorb_windows(ab, of_b);
  absorb_windows(ba, of_a);
  RC_ASSERT(ab.SerializeAsString() == ba.SerializeAsString());
}

}  // namespace
}  // namespace freshet::action
