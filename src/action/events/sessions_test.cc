#include "action/events/sessions.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace freshet::action {
namespace {

constexpr int64_t kSecondOfSessions = 1'000'000;
constexpr int64_t kGap = 30 * kSecondOfSessions;

std::string text_of(const v1::Sessions& sessions) {
  std::string text =
      std::to_string(session_count(sessions)) + " in " + std::to_string(session_seconds(sessions)) + "s:";
  for (const v1::Session& s : sessions.recent())
    text += " " + std::to_string(s.start_us() / kSecondOfSessions) + "-" +
            std::to_string(s.last_us() / kSecondOfSessions) + "x" + std::to_string(s.events());
  return text;
}

v1::Sessions sessions_of(const std::vector<int64_t>& seconds) {
  v1::Sessions sessions;
  for (const int64_t second : seconds) note_activity(sessions, second * kSecondOfSessions, kGap);
  return sessions;
}

TEST(SessionsTest, AGapEndsASession) {
  EXPECT_EQ(text_of(sessions_of({100, 120, 150, 181})), "2 in 50s: 100-150x3 181-181x1");
  EXPECT_EQ(text_of(sessions_of({100, 130})), "1 in 30s: 100-130x2") << "no longer than the gap";
}

TEST(SessionsTest, LateEventsFindTheirPlace) {
  EXPECT_EQ(text_of(sessions_of({100, 200, 110})), "2 in 10s: 100-110x2 200-200x1");
  EXPECT_EQ(text_of(sessions_of({100, 150, 125})), "1 in 50s: 100-150x3") << "it lies between two, which are one";
  EXPECT_EQ(text_of(sessions_of({200, 100})), "2 in 0s: 100-100x1 200-200x1");
}

TEST(SessionsTest, OldOnesAreOnlyCounted) {
  v1::Sessions sessions;
  for (int64_t k = 0; k < kRecentSessionsMax + 5; ++k) {
    EXPECT_TRUE(note_activity(sessions, k * 100 * kSecondOfSessions, kGap));
    EXPECT_FALSE(note_activity(sessions, (k * 100 + 7) * kSecondOfSessions, kGap));
  }
  EXPECT_EQ(sessions.recent_size(), kRecentSessionsMax);
  EXPECT_EQ(session_count(sessions), static_cast<uint64_t>(kRecentSessionsMax) + 5);
  EXPECT_EQ(session_seconds(sessions), 7 * (kRecentSessionsMax + 5));
  const std::string before = text_of(sessions);
  EXPECT_FALSE(note_activity(sessions, 50 * kSecondOfSessions, kGap));
  EXPECT_EQ(text_of(sessions), before) << "to which of the old ones it belongs can't be known";
}

// Whoever writes into the log may say any time. What overflowed would order the sessions wrongly, or be undefined.
TEST(SessionsTest, TimesAtTheEndsOf64Bits) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min(), kMost = std::numeric_limits<int64_t>::max();
  v1::Sessions sessions;
  for (const int64_t time : {kMost, kLeast, int64_t{0}, kMost - 1, kLeast + 1}) note_activity(sessions, time, kGap);
  ASSERT_EQ(session_count(sessions), 3u);
  EXPECT_EQ(sessions.recent(0).start_us(), kLeast);
  EXPECT_EQ(sessions.recent(0).events(), 2u);
  EXPECT_EQ(sessions.recent(2).last_us(), kMost);
  EXPECT_EQ(sessions.recent(2).events(), 2u);
  v1::Sessions longest;
  *longest.add_recent() = sessions.recent(0);
  longest.mutable_recent(0)->set_last_us(kMost);
  longest.set_before_us(kMost);
  EXPECT_EQ(session_seconds(longest), kMost / 1'000'000);
  absorb_sessions(longest, longest, kGap);
  EXPECT_EQ(session_seconds(longest), kMost / 1'000'000);
}

// The obvious way: all events in order of time.
std::string sorted_sessions(std::vector<int64_t> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return text_of(sessions_of(seconds));
}

RC_GTEST_PROP(SessionsProperty, OrderAndMergesDoNotMatterAmongTheLastOnes, ()) {
  const auto seconds = *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(1, 31 * 8));
  std::vector<int64_t> shuffled = seconds;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(*rc::gen::arbitrary<uint64_t>()));
  RC_ASSERT(text_of(sessions_of(shuffled)) == sorted_sessions(seconds));
  const size_t split = *rc::gen::inRange<size_t>(0, shuffled.size() + 1);
  const auto middle = shuffled.begin() + static_cast<std::ptrdiff_t>(split);
  v1::Sessions merged = sessions_of({shuffled.begin(), middle});
  absorb_sessions(merged, sessions_of({middle, shuffled.end()}), kGap);
  RC_ASSERT(text_of(merged) == sorted_sessions(seconds));
}

// Beyond them nothing is counted that was not, and the bound is kept.
RC_GTEST_PROP(SessionsProperty, AnyEventsKeepTheirShape, ()) {
  const auto seconds = *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(1, 5000));
  const v1::Sessions sessions = sessions_of(seconds);
  RC_ASSERT(sessions.recent_size() <= kRecentSessionsMax);
  RC_ASSERT(session_count(sessions) <= seconds.size());
  for (int i = 0; i < sessions.recent_size(); ++i) {
    RC_ASSERT(sessions.recent(i).start_us() <= sessions.recent(i).last_us());
    if (i > 0) RC_ASSERT(sessions.recent(i - 1).last_us() + kGap < sessions.recent(i).start_us());
  }
  if (seconds.empty()) return;
  const int64_t last = *std::max_element(seconds.begin(), seconds.end());
  RC_ASSERT(last_session(sessions).last_us() == last * kSecondOfSessions);
}

}  // namespace
}  // namespace freshet::action
