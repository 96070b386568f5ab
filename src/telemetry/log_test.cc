#include "telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "telemetry/log_limit.h"
#include "telemetry/log_trace.h"

namespace freshet::telemetry {
namespace {

using ::testing::MatchesRegex;

std::string logged(const std::string& level, bool json, const std::string& message) {
  ::testing::internal::CaptureStderr();
  set_up_log(level, json);
  log::debug("not at info");
  log::info("{}", message);
  return ::testing::internal::GetCapturedStderr();
}

TEST(Log, IsOneLineForPeople) {
  EXPECT_THAT(logged("info", false, "partition 3 is ours"),
              MatchesRegex("....-..-..T..:..:..\\....Z info  partition 3 is ours\n"));
}

TEST(Log, IsOneObjectForMachines) {
  EXPECT_THAT(
      logged("info", true, "a \"quoted\"\nline \\"),
      MatchesRegex(R"(\{"time":"....-..-..T..:..:..\....Z","level":"info","message":"a \\"quoted\\"\\nline \\\\"\})"
                   "\n"));
}

TEST(Log, LinesOfATraceHaveItsId) {
  TraceId id;
  id.fill(0x1f);
  const std::string hex = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f";
  {
    const LogTrace trace(id);
    EXPECT_THAT(logged("info", false, "slow"), ::testing::EndsWith("info  slow trace_id=" + hex + "\n"));
    EXPECT_THAT(logged("info", true, "slow"), ::testing::EndsWith(R"("message":"slow","trace_id":")" + hex + "\"}\n"));
    const LogTrace inner(TraceId{2});
    EXPECT_EQ(log_trace(), TraceId{2});
  }
  EXPECT_EQ(log_trace(), TraceId{});
  EXPECT_THAT(logged("info", false, "slow"), ::testing::EndsWith("info  slow\n"));
}

TEST(Log, UnknownLevelsAreSaid) {
  const std::string text = logged("loud", false, "hello");
  EXPECT_THAT(text, ::testing::HasSubstr("log level \"loud\" is unknown"));
  EXPECT_THAT(text, ::testing::HasSubstr("hello"));
}

TEST(Log, ChangesItsLevelWhileItRuns) {
  static_cast<void>(logged("info", false, "hello"));
  EXPECT_EQ(log_level(), "info");
  EXPECT_FALSE(set_log_level("loud"));
  EXPECT_TRUE(set_log_level("warn"));
  EXPECT_EQ(log_level(), "warn");
  EXPECT_FALSE(log::is_shown(log::Level::kInfo));
}

TEST(Log, SaysOnceHowManyLinesWereLeftOut) {
  ::testing::internal::CaptureStderr();
  set_up_log("info", false);
  for (int i = 0; i < 100; ++i) log::info("partition {} is gone", i);
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), static_cast<int>(LogLimit::kLines));
}

TEST(LogLimit, IsForEachKindOfLineAndEndsWithItsWindow) {
  LogLimit limit;
  const auto shown = [&limit](const std::string& text, int64_t now_ms) { return limit.take(3, text, now_ms).shown; };
  for (uint64_t i = 0; i < LogLimit::kLines; ++i) EXPECT_TRUE(shown("slot " + std::to_string(i) + ": away", 5));
  EXPECT_FALSE(shown("slot 7: away", 6));
  EXPECT_FALSE(shown("slot 1234: away", 7));
  EXPECT_TRUE(shown("slot 7: back", 8));
  const LogLimit::Verdict later = limit.take(3, "slot 7: away", 5 + LogLimit::kWindowMs);
  EXPECT_TRUE(later.shown);
  EXPECT_EQ(later.left_out, 2U);
  EXPECT_EQ(limit.take(3, "slot 7: away", 6 + LogLimit::kWindowMs).left_out, 0U);
}

TEST(LogLimit, WhatWentWellLeavesRoomForWhatFailed) {
  LogLimit limit;
  constexpr int kDebug = 1, kWarn = 3;
  const std::string_view begin = "POST /v1/batch of tenant acme was answered ";
  for (uint64_t i = 0; i < 2 * LogLimit::kLines; ++i)
    static_cast<void>(limit.take(kDebug, std::string(begin) + "200 after 1 ms", 5));
  EXPECT_TRUE(limit.take(kWarn, std::string(begin) + "503 after 1 ms", 6).shown);
}

}  // namespace
}  // namespace freshet::telemetry
