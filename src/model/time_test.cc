#include "model/time.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "model/time_zone.h"

namespace freshet::model {
namespace {

constexpr TimeUs kSecond = 1'000'000;

TEST(ParseTime, ReadsIso) {
  constexpr TimeUs kDay = 1'767'312'000 * kSecond;  // 2026-01-02
  constexpr TimeUs kAt = kDay + (3 * 3600 + 4 * 60 + 5) * kSecond;
  EXPECT_EQ(parse_time("2026-01-02"), kDay);
  EXPECT_EQ(parse_time("2026-01-02T03:04:05Z"), kAt);
  EXPECT_EQ(parse_time("2026-01-02T03:04:05"), kAt);
  EXPECT_EQ(parse_time("2026-01-02 03:04:05z"), kAt);
  EXPECT_EQ(parse_time("2026-01-02T03:04"), kAt - 5 * kSecond);
  EXPECT_EQ(parse_time("2026-01-02T03:04:05.678Z"), kAt + 678'000);
  EXPECT_EQ(parse_time("2026-01-02T03:04:05.6789012345Z"), kAt + 678'901);
  EXPECT_EQ(parse_time("2026-01-02T08:34:05+05:30"), kAt);
  EXPECT_EQ(parse_time("2026-01-02T08:34:05 +0530"), kAt);
  EXPECT_EQ(parse_time("2026-01-01T22:04:05-05"), kAt);
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z"), 1'709'164'800 * kSecond);
  EXPECT_EQ(parse_time("2016-12-31T23:59:60Z"), 1'483'228'800 * kSecond);
}

// As Ruby, BigQuery, Java and the short form of the standard have it.
TEST(ParseTime, ReadsIsoInOtherForms) {
  const TimeUs at = *parse_time("2026-01-02T03:04:05Z");
  for (const char* text : {"2026-01-02 03:04:05 UTC", "2026-01-02 03:04:05UTC", "2026-01-02T03:04:05 GMT",
                           "20260102T030405Z", "20260102T083405+0530", "20260102T030405",
                           "2026-01-02T04:04:05+01:00[Europe/Paris]", "2026-01-02T03:04:05Z[UTC]"})
    EXPECT_EQ(parse_time(text), at) << text;
  EXPECT_EQ(parse_time("20260102"), parse_time("2026-01-02"));
  EXPECT_EQ(parse_time("20260102T0304"), at - 5 * kSecond);
  EXPECT_EQ(parse_time("20261302"), 20'261'302 * kSecond) << "no day has this name";
  for (const char* text : {"2026-01-02T03:04:05[Europe/Paris]", "2026-01-02T03:04:05Z[", "2026-01-02 03:04:05 PST",
                           "20260102 030405", "20260102T03", "20260102T03:04:05Z", "20261302T030405Z"})
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
}

// As mail, HTTP, JavaScript, Java, Go and .NET have it.
TEST(ParseTime, ReadsWhatProgramsWriteForPeople) {
  const TimeUs at = *parse_time("2023-11-14T22:13:20Z");
  for (const char* text :
       {"Tue, 14 Nov 2023 22:13:20 GMT", "Wed, 15 Nov 2023 03:43:20 +0530", "14 Nov 2023 22:13:20 UTC",
        "14 November 2023 22:13:20", "Tuesday, 14-Nov-2023 22:13:20 GMT",
        "Tue Nov 14 2023 22:13:20 GMT+0000 (Coordinated Universal Time)",
        "Wed Nov 15 2023 03:43:20 GMT+0530 (India Standard Time)", "Tue Nov 14 22:13:20 UTC 2023",
        "Nov 14, 2023 22:13:20", "2023-11-14 22:13:20 +0000 UTC", "2023-11-15 03:43:20 +0530 IST",
        "2023-11-14 22:13:20 +0000 UTC m=+0.000123", "/Date(1700000000000)/", "/Date(1700000000000+0530)/"})
    EXPECT_EQ(parse_time(text), at) << text;
  EXPECT_EQ(parse_time("14 Nov 2023"), parse_time("2023-11-14"));
  EXPECT_EQ(parse_time("November 14, 2023"), parse_time("2023-11-14"));
  EXPECT_EQ(parse_time("/Date(5000)/"), 5 * kSecond) << "it is of milliseconds, however few";
  for (const char* text : {"Tue, 14 Nov 23 22:13:20", "Tue, 31 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:20 PST",
                           "Tue, 14 Nov 2023 22:13:20 GMT!", "14 Foo 2023", "Nov 2023", "14 Nov", "Tue",
                           "Tue Nov 14 22:13:20 2023", "/Date()/", "/Date(1e9)/", "/Date(1700000000000)", "/"})
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
}

// As phones write it whose users have such clocks, and what libraries have made of formats.
TEST(ParseTime, ReadsIsoOfClocksOfTwelveHours) {
  const TimeUs at = *parse_time("2023-11-14T22:13:20Z");
  for (const char* text : {"2023-11-14T10:13:20 pm+0000", "2023-11-14 10:13:20 PM", "2023-11-14T10:13:20.000 PMZ",
                           "2023-11-14 10:13:20\u202fp.m.", "2023-11-14T22:13:20.000:Z"})
    EXPECT_EQ(parse_time(text), at) << text;
  EXPECT_EQ(parse_time("2023-11-14T12:13:20 am"), parse_time("2023-11-14T00:13:20"));
  EXPECT_EQ(parse_time("2023-11-14T8:13:20Z"), parse_time("2023-11-14T08:13:20Z"));
  EXPECT_EQ(parse_time("2023-11-14T22:13:20 PM"), std::nullopt) << "no clock's face has 22";
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.000:"), std::nullopt);
}

TEST(ParseTime, WhatStandsAroundATimeDoesNotCount) {
  const TimeUs at = *parse_time("2023-11-14T17:13:20-05:00");
  for (const char* text :
       {" 2023-11-14T17:13:20-05:00", "2023-11-14T17:13:20-05:00\n", "\u00a02023-11-14T17:13:20-05:00",
        "\u200e2023-11-14T17:13:20\u221205:00\ufeff", " 1700000000\t"})
    EXPECT_EQ(parse_time(text), at) << text;
  EXPECT_TRUE(has_zone(" Tue, 14 Nov 2023 22:13:20 GMT"));
  EXPECT_FALSE(has_zone("Tue, 14 Nov 2023 22:13:20 "));
}

// A phone whose language is Arabic, Persian or Hindi may write its times so.
TEST(ParseTime, ReadsDigitsOfAnyScript) {
  EXPECT_EQ(parse_time("\u0662\u0660\u0662\u0666-\u0660\u0661-\u0660\u0662T\u0660\u0663:\u0660\u0664:\u0660\u0665Z"),
            parse_time("2026-01-02T03:04:05Z"));
  EXPECT_EQ(parse_time("\u06f1\u06f7\u06f0\u06f0\u06f0\u06f0\u06f0\u06f0\u06f0\u06f0"), parse_time("1700000000"));
  EXPECT_EQ(parse_time("\uff12\uff10\uff12\uff16-01-02"), parse_time("2026-01-02"));
  EXPECT_EQ(parse_time("2026-01-02T03:04:05\u00e9"), std::nullopt);
}

TEST(ParseTime, ReadsMicrosecondsAndNanoseconds) {
  EXPECT_EQ(parse_time("1767312000123456"), 1'767'312'000'123'456);
  EXPECT_EQ(parse_time("1767312000123456789"), 1'767'312'000'123'456);
  EXPECT_EQ(parse_time("1767312000123456.0"), 1'767'312'000'123'456);
  EXPECT_EQ(parse_time("9999999999999999999"), std::nullopt);
  EXPECT_EQ(parse_time("99999999999999"), std::nullopt) << "milliseconds of the year 5138";
}

TEST(ParseTime, KnowsWhetherAZoneIsSaid) {
  for (const char* text : {"2026-01-02T03:04Z", "2026-01-02 03:04:05 +0530", "2026-01-02 03:04:05 UTC",
                           "20260102T030405-05", "1700000000", "1700000000.5"})
    EXPECT_TRUE(has_zone(text)) << text;
  for (const char* text : {"2026-01-02", "20260102", "2026-01-02T03:04", "2026-01-02 03:04:05.678", "20260102T030405"})
    EXPECT_FALSE(has_zone(text)) << text;
}

TEST(ParseTime, ReadsDigits) {
  EXPECT_EQ(parse_time("0"), 0);
  EXPECT_EQ(parse_time("1767312000"), 1'767'312'000 * kSecond);
  EXPECT_EQ(parse_time("1767312000123"), 1'767'312'000'123'000);
  EXPECT_EQ(parse_time("7258118400000"), kTimeMax);
  EXPECT_EQ(parse_time("7258118400001"), std::nullopt);
  EXPECT_EQ(parse_time("1700000000.25"), 1'700'000'000'250'000);
  EXPECT_EQ(parse_time("1700000000250.5"), 1'700'000'000'250'500);
  EXPECT_EQ(parse_time("1.70000000025e9"), 1'700'000'000'250'000);
  EXPECT_EQ(parse_time("1.7E+12"), 1'700'000'000'000'000);
  EXPECT_EQ(time_of_number(1'767'312'000.5), 1'767'312'000'500'000);
  EXPECT_EQ(time_of_number(1'767'312'000'123.0), 1'767'312'000'123'000);
}

TEST(ParseTime, RefusesTheRest) {
  for (const char* text : {"",
                           "x",
                           "-1",
                           "1.5x",
                           ".5",
                           "1,5",
                           "inf",
                           "nan",
                           "0x1",
                           "1e400",
                           "7258118400.5",
                           "1700000000 1",
                           "17000000000000000000000000000000000000000.5",
                           "99999999999",
                           "2026-1-2",
                           "2026-13-01",
                           "2026-02-29",
                           "2026-00-10",
                           "2026-01-00",
                           "2026-01-02T",
                           "2026-01-02T24:00:00Z",
                           "2026-01-02T03:60Z",
                           "2026-01-02T03:04:61Z",
                           "2026-01-02T03:04:05.Z",
                           "2026-01-02T03:04:05+5",
                           "2026-01-02T03:04:05+24:00",
                           "2026-01-02T03:04:05+05:",
                           "2026-01-02T03:04:05Zx",
                           "2026-01-02x",
                           "1969-12-31T23:59:59Z",
                           "2200-01-01T00:00:01Z",
                           "0000-01-01",
                           "12345678901234567",
                           "2026-"}) {
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
  }
  EXPECT_EQ(time_of_number(-1), std::nullopt);
  EXPECT_EQ(time_of_number(1e300), std::nullopt);
  EXPECT_EQ(time_of_number(std::numeric_limits<double>::quiet_NaN()), std::nullopt);
}

TEST(ParseTimeFormat, KnowsTheDirectives) {
  const TimeUs day = *parse_time("2026-01-02");
  EXPECT_EQ(parse_time_format("20260102", "%Y%m%d"), day);
  EXPECT_EQ(parse_time_format("2/1/26", "%d/%m/%y"), day);
  EXPECT_EQ(parse_time_format("02 Jan 2026", "%d %b %Y"), day);
  EXPECT_EQ(parse_time_format("02", "%y"), *parse_time("2002-01-01"));
  EXPECT_EQ(parse_time_format("71", "%y"), *parse_time("1971-01-01"));
  EXPECT_EQ(parse_time_format("2026 002", "%Y %j"), day);
  EXPECT_EQ(parse_time_format("2024-366", "%Y-%j"), *parse_time("2024-12-31"));
  EXPECT_EQ(parse_time_format("2026-01-02 03:04:05.25+05:30", "%F %T.%f%z"),
            *parse_time("2026-01-02T03:04:05.25+05:30"));
  EXPECT_EQ(parse_time_format("100% 2026", "100%% %Y"), *parse_time("2026-01-01"));
  EXPECT_EQ(parse_time_format("1/2/2026 3:04 PM", "%m/%d/%Y %I:%M %p"), *parse_time("2026-01-02T15:04"));
  EXPECT_EQ(parse_time_format("1/2/2026 12:04am", "%m/%d/%Y %I:%M%p"), *parse_time("2026-01-02T00:04"));
  EXPECT_EQ(parse_time_format("1/2/2026 12:04 Pm", "%m/%d/%Y %I:%M %p"), *parse_time("2026-01-02T12:04"));
  EXPECT_EQ(parse_time_format("Friday, January 2, 2026", "%A, %B %d, %Y"), day);
  EXPECT_EQ(parse_time_format("Fri 2 May 2026", "%a %d %B %Y"), *parse_time("2026-05-02"));
  EXPECT_EQ(parse_time_format("2 Sept 2026", "%d %b %Y"), *parse_time("2026-09-02"));
  EXPECT_EQ(parse_time_format(" 2.01.2026 03:04", "%e.%m.%Y %R"), *parse_time("2026-01-02T03:04"));
  EXPECT_EQ(parse_time_format("1/2/2026 3:04\u202fp.m.\u00a0", "%m/%d/%Y %I:%M %p"), *parse_time("2026-01-02T15:04"));
  EXPECT_EQ(parse_time_format("2026\u5e741\u67082\u65e5", "%Y\u5e74%m\u6708%d\u65e5"), day);
  for (const auto& [text, format] : {std::pair{"20260102x", "%Y%m%d"},
                                     {"2026", "%Y%"},
                                     {"2026", "%Q"},
                                     {"2026 13 PM", "%Y %I %p"},
                                     {"2026 0 AM", "%Y %I %p"},
                                     {"2026 3 XM", "%Y %I %p"},
                                     {"12:00", "%H:%M"},
                                     {"2026-366", "%Y-%j"},
                                     {"02 Foo 2026", "%d %b %Y"},
                                     {"2026-02-30", "%F"}}) {
    EXPECT_EQ(parse_time_format(text, format), std::nullopt) << text << " as " << format;
  }
}

TEST(FormatTime, IsFixed) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(1'767'323'045'678'999), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(std::numeric_limits<TimeUs>::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(std::numeric_limits<TimeUs>::min()), "0001-01-01T00:00:00.000Z");
}

TEST(FormatTime, EveryDayReadsBack) {
  for (TimeUs day = 0; day <= kTimeMax; day += 86'400 * kSecond) ASSERT_EQ(parse_time(format_time(day)), day);
}

RC_GTEST_PROP(TimeProperty, ParseOfFormat, ()) {
  const TimeUs time = *rc::gen::inRange<TimeUs>(kTimeMin, kTimeMax + 1);
  RC_ASSERT(parse_time(format_time(time)) == time / 1000 * 1000);
}

RC_GTEST_PROP(TimeProperty, CorrectedIsNeverLaterThanReceived, (TimeUs received_at, bool near)) {
  const auto some = [&] {
    const TimeUs any = *rc::gen::arbitrary<TimeUs>();
    TimeUs sum = 0;
    if (near && !__builtin_add_overflow(received_at, any % (3600 * kSecond), &sum)) return sum;
    return any;
  };
  const TimeUs timestamp = some();
  const TimeUs sent_at = some();
  RC_ASSERT(correct_clock(timestamp, sent_at, received_at) <= received_at);
  RC_ASSERT(correct_clock(timestamp, std::nullopt, received_at) <= received_at);
  RC_ASSERT(correct_clock(std::nullopt, sent_at, received_at) == received_at);
}

TEST(CorrectClock, MovesByTheOffset) {
  EXPECT_EQ(correct_clock(1000, 1500, 9000), 8500);   // a clock that is late
  EXPECT_EQ(correct_clock(9500, 10000, 9000), 8500);  // one that is early
  EXPECT_EQ(correct_clock(2000, 1500, 9000), 9000);   // made after it was sent: a lie
  EXPECT_EQ(correct_clock(5000, std::nullopt, 9000), 5000);
  EXPECT_EQ(correct_clock(10, 9000, 5000), 0);
}

}  // namespace
}  // namespace freshet::model
