// Windows of maintenance and the zones that they are of; the standard library's own time zones know the answers.
#include "fleet/rebalance/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <filesystem>
#include <limits>

namespace freshet::fleet::rebalance {
namespace {

// 2026-11-28 was a Saturday.
int64_t utc(int year, int month, int day, int hour = 0, int minute = 0) {
  tm at{};
  at.tm_year = year - 1900;
  at.tm_mon = month - 1;
  at.tm_mday = day;
  at.tm_hour = hour;
  at.tm_min = minute;
  return timegm(&at);
}

Windows windows(const std::vector<std::string>& texts) {
  auto out = Windows::parse(texts);
  EXPECT_TRUE(out.has_value()) << out.error().message;
  return out.value_or(Windows());
}

bool has_zones() { return std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin"); }

TEST(Windows, Forms) {
  for (const char* right : {"sat,sun 01:00-05:00", "mon-fri 22:00-04:00 Europe/Berlin", "daily 00:00-24:00 +05:30",
                            "fri-mon,wed 23:59-00:00 -03:00"})
    EXPECT_TRUE(is_window_text(right)) << right;
  for (const char* wrong : {"", "sat", "sat 1:00-5:00", "sat 01:00", "sat 01:00-01:00", "sat, 01:00-02:00",
                            "sat- 01:00-02:00", "sturday 01:00-02:00", "sat 25:00-26:00", "sat 01:60-02:00",
                            "sat 01:00-02:00 Europe/Berlin now", "daily,sat 01:00-02:00", "sat 24:00-02:00"})
    EXPECT_FALSE(is_window_text(wrong)) << wrong;
  EXPECT_THAT(Windows::parse({"sat 01:00-02:00 Europe/Atlantis"}).error().message,
              testing::HasSubstr("there is no time zone \"Europe/Atlantis\""));
  EXPECT_THAT(Windows::parse({"sat 01:00-02:00 ../../../etc/passwd"}).error().message,
              testing::HasSubstr("there is no time zone"));
  EXPECT_THAT(Windows::parse({"nights"}).error().message, testing::HasSubstr("window \"nights\": it must be days,"));
}

TEST(Windows, TheNextOneAndWhatFits) {
  const Windows nights = windows({"sat,sun 01:00-05:00"});
  const int64_t saturday = utc(2026, 11, 28);
  EXPECT_EQ(nights.next(saturday), (Span{saturday + 3600, saturday + 5 * 3600}));
  EXPECT_EQ(nights.next(saturday + 5 * 3600 - 1)->begin_s, saturday + 3600);
  EXPECT_EQ(nights.next(saturday + 5 * 3600)->begin_s, utc(2026, 11, 29, 1));
  EXPECT_EQ(nights.next(utc(2026, 11, 29, 6))->begin_s, utc(2026, 12, 5, 1));
  EXPECT_EQ(nights.next_fit(saturday, 3600), saturday + 3600);
  EXPECT_EQ(nights.next_fit(saturday + 2 * 3600, 3600), saturday + 2 * 3600);
  EXPECT_EQ(nights.next_fit(saturday + 2 * 3600, 3.5 * 3600), utc(2026, 11, 29, 1));
  EXPECT_EQ(nights.next_fit(saturday, 4 * 3600 + 1), std::nullopt);
  EXPECT_EQ(nights.longest_s(saturday), 4 * 3600);
  EXPECT_EQ(Windows().next_fit(saturday, 1e9), saturday);
}

TEST(Windows, WavesOneAfterAnotherEachInAWindow) {
  const Windows nights = windows({"sat,sun 01:00-05:00"});
  const int64_t saturday = utc(2026, 11, 28);
  const auto times = schedule_of({{0, 3 * 3600}, {600, 3000}, {0, 3 * 3600}}, nights, saturday);
  ASSERT_TRUE(times.has_value());
  EXPECT_THAT(*times, testing::ElementsAre(Span{saturday + 3600, saturday + 4 * 3600},
                                           Span{saturday + 4 * 3600 + 600, saturday + 5 * 3600},
                                           Span{utc(2026, 11, 29, 1), utc(2026, 11, 29, 4)}));
  EXPECT_EQ(
      schedule_of({{0, 60}, {0, 5 * 3600}}, nights, saturday).error().message,
      "wave 2 takes 5.0 h at most, and no window of maintenance is longer than 4.0 h: a higher throttle, fewer moves "
      "at once or a longer window would help");
  EXPECT_EQ(schedule_of({{0, 60}}, Windows(), saturday)->front(), (Span{saturday, saturday + 60}));
}

// What a broker is told may be any number.
TEST(Windows, AWaveThatWaitsForEver) {
  const int64_t saturday = utc(2026, 11, 28);
  for (const double waits_s : {1e17, 9.3e18, 1e300}) {
    const auto free = schedule_of({{0, 60}, {waits_s, 60}}, Windows(), saturday);
    ASSERT_TRUE(free.has_value());
    EXPECT_EQ(moment_text(free->at(1).begin_s), "Fri 9999-12-31 23:59 UTC");
    (void)schedule_of({{waits_s, 60}}, windows({"sat,sun 01:00-05:00"}), saturday);
  }
  EXPECT_EQ(moment_text(std::numeric_limits<int64_t>::min()), "Mon 0001-01-01 00:00 UTC");
}

TEST(Windows, OverMidnightAndTouchingOnesAreOne) {
  const Windows both = windows({"fri 22:00-24:00", "sat 00:00-02:00"});
  EXPECT_EQ(both.next(utc(2026, 11, 27)), (Span{utc(2026, 11, 27, 22), utc(2026, 11, 28, 2)}));
  const Windows over = windows({"fri 22:00-02:00"});
  EXPECT_EQ(over.next(utc(2026, 11, 28, 1)), (Span{utc(2026, 11, 27, 22), utc(2026, 11, 28, 2)}));
  const Windows always = windows({"daily 00:00-24:00"});
  EXPECT_GE(always.longest_s(utc(2026, 11, 28)), 7 * 86400);
}

TEST(Windows, OfAnotherPlace) {
  EXPECT_EQ(windows({"sat 01:00-05:00 +05:30"}).next(utc(2026, 11, 27))->begin_s, utc(2026, 11, 27, 19, 30));
  if (!has_zones()) GTEST_SKIP() << "this system has no time zones";
  const Windows berlin = windows({"sun 01:30-04:00 Europe/Berlin"});
  EXPECT_EQ(berlin.next(utc(2026, 11, 28)), (Span{utc(2026, 11, 29, 0, 30), utc(2026, 11, 29, 3)}));
  // The night in which clocks go forward has an hour less, the one in which they go back one more.
  EXPECT_EQ(berlin.next(utc(2026, 3, 28)), (Span{utc(2026, 3, 29, 0, 30), utc(2026, 3, 29, 2)}));
  EXPECT_EQ(berlin.next(utc(2026, 10, 24)), (Span{utc(2026, 10, 24, 23, 30), utc(2026, 10, 25, 3)}));
  // What clocks never show is as much later.
  EXPECT_EQ(windows({"sun 02:30-04:00 Europe/Berlin"}).next(utc(2026, 3, 28))->begin_s, utc(2026, 3, 29, 1, 30));
}

TEST(Windows, Moments) {
  EXPECT_EQ(moment_text(utc(2026, 11, 28, 1, 5)), "Sat 2026-11-28 01:05 UTC");
  EXPECT_EQ(moment_iso(utc(2026, 11, 29, 23, 59) + 7), "2026-11-29T23:59:07Z");
  EXPECT_EQ(moment_text(0), "Thu 1970-01-01 00:00 UTC");
}

TEST(Zone, AsTheCLibraryHasIt) {
  if (!has_zones()) GTEST_SKIP() << "this system has no time zones";
  for (const char* name : {"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
                           "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Auckland", "Etc/GMT+5"}) {
    SCOPED_TRACE(name);
    const auto zone = Zone::named(name);
    ASSERT_TRUE(zone.has_value()) << zone.error().message;
    setenv("TZ", name, 1);
    tzset();
    // Over what the file lists, and far beyond it, where a rule says it.
    for (int64_t at = utc(1990, 1, 1); at < utc(2080, 1, 1); at += 86'400 * 5 + 3'601) {
      const time_t moment = at;
      tm local{};
      localtime_r(&moment, &local);
      ASSERT_EQ(zone->offset_at(at), local.tm_gmtoff) << moment_text(at);
    }
  }
  unsetenv("TZ");
  tzset();
}

TEST(Zone, NamesAreThoseOfTheDatabaseOrOffsets) {
  EXPECT_EQ(Zone::named("+05:30")->offset_at(0), 19'800);
  EXPECT_EQ(Zone::named("-03:00")->offset_at(0), -10'800);
  EXPECT_EQ(Zone::named("UTC")->offset_at(0), 0);
  for (const char* wrong : {"", "localtime", "/etc/passwd", "../../etc/localtime", "Europe/Bielefeld", "+15:00",
                            "+05:70", "+5:30", "+aa:00"})
    EXPECT_EQ(Zone::named(wrong).error().code, Code::kInvalid) << wrong;
}

RC_GTEST_PROP(Windows, WhatFitsIsWithinAWindow, ()) {
  const int64_t from = utc(2026, 11, 28) + *rc::gen::inRange(0, 14 * 86400);
  const int32_t begin = *rc::gen::inRange(0, 24), hours = *rc::gen::inRange(1, 24);
  const char* const days = *rc::gen::element("daily", "sat,sun", "mon-fri", "wed");
  char text[64];
  snprintf(text, sizeof text, "%s %02d:00-%02d:00 +01:00", days, begin, (begin + hours) % 24);
  const Windows one = windows({text});
  const double duration = *rc::gen::inRange(1, 24 * 3600);
  const auto at = one.next_fit(from, duration);
  if (!at) {
    RC_ASSERT(duration > one.longest_s(from));
    return;
  }
  RC_ASSERT(*at >= from);
  const auto span = one.next(*at);
  RC_ASSERT(span && span->begin_s <= *at && static_cast<double>(*at) + duration <= static_cast<double>(span->end_s));
}

}  // namespace
}  // namespace freshet::fleet::rebalance
