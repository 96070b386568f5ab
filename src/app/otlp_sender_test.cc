// What is sent to a collector beside a body: the headers that it asks for, whose values nobody else is told.
#include "app/otlp_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "testing/socket.h"

namespace freshet::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kKey = "hunter2-of-otlp";

std::string key_file() {
  const std::string path = ::testing::TempDir() + "otlp-key-" + std::to_string(getpid());
  std::ofstream(path) << kKey << "\n";
  return path;
}

std::string why_not(const std::string& name, const std::string& value) {
  const auto opened = open_collector({"http://127.0.0.1:1", "", {{name, value}}});
  return opened ? "" : opened.error().message;
}

TEST(OtlpSender, SendsWhatItsHeadersStandFor) {
  std::string got;
  const auto server =
      http::Server::start(http::test_options(), [&](const http::Request& request, const http::Respond& r) {
        got = std::string(request.header("x-honeycomb-team")) + " " + std::string(request.header("x-plain"));
        r({});
      });
  ASSERT_TRUE(server.has_value());
  const std::string url = "http://127.0.0.1:" + std::to_string((*server)->port());
  const auto target = open_collector({url, "", {{"x-honeycomb-team", "file:" + key_file()}, {"x-plain", "p"}}});
  ASSERT_TRUE(target.has_value()) << target.error().message;
  OtlpSender sender(*target, "traces");
  EXPECT_EQ(sender.send("body").outcome, OtlpSender::Outcome::kTaken);
  EXPECT_EQ(got, std::string(kKey) + " p");
}

TEST(OtlpSender, SaysWhichHeaderCanNotBeHadAndNotWhatIsInIt) {
  EXPECT_THAT(why_not("x-key", "env:FRESHET_THERE_IS_NONE"), HasSubstr("header x-key"));
  EXPECT_THAT(why_not("x-key", "env:FRESHET_THERE_IS_NONE"), HasSubstr("FRESHET_THERE_IS_NONE"));
  EXPECT_THAT(why_not("x-key", "file:/nowhere/key"), HasSubstr("/nowhere/key"));
  EXPECT_THAT(why_not("x key", kKey), HasSubstr("a name has letters"));
  EXPECT_THAT(why_not("x-key", std::string(kKey) + "\r\nx-other: 1"), HasSubstr("characters that no header may have"));
  EXPECT_THAT(why_not("x-key", std::string(kKey) + "\r\nx-other: 1"), Not(HasSubstr(kKey)));
}

}  // namespace
}  // namespace freshet::app
