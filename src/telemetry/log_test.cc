#include "telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::telemetry {
namespace {

using ::testing::MatchesRegex;

std::string logged(const std::string& level, bool json, const std::string& message) {
  ::testing::internal::CaptureStderr();
  set_up_log(level, json);
  spdlog::debug("not at info");
  spdlog::info("{}", message);
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

TEST(Log, UnknownLevelsAreSaid) {
  const std::string text = logged("loud", false, "hello");
  EXPECT_THAT(text, ::testing::HasSubstr("log level \"loud\" is unknown"));
  EXPECT_THAT(text, ::testing::HasSubstr("hello"));
}

}  // namespace
}  // namespace freshet::telemetry
