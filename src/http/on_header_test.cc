// What is decided of a request by its header, before there is a body.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "http/response.h"
#include "testing/socket.h"

namespace freshet::http {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kKeyed = "POST /p?q HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n";

// Who has no key is refused; /small takes 10 bytes.
HeaderVerdict judge(const Request& head) {
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.remote, "127.0.0.1");
  HeaderVerdict verdict;
  if (head.path == "/small") verdict.body_bytes_max = 10;
  verdict.trusted = head.header("authorization") == "Bearer k";
  if (!verdict.trusted) verdict.refuse = error_response(401, "unauthorized", "no key");
  return verdict;
}

ServerOptions judging() {
  ServerOptions options = test_options();
  options.on_header = judge;
  return options;
}

TEST(OnHeader, RefusesBeforeTheBodyCame) {
  const auto server = start_echo(judging());
  TestSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(socket.read_all(), AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("Connection: close"), EndsWith("}}\n")));
}

// A sender with a wrong key must not pay for a new connection each time, nor lose its answer while it still writes.
TEST(OnHeader, ASmallBodyIsPassedOver) {
  const auto server = start_echo(judging());
  TestSocket socket(server->port());
  const std::string smuggled = std::string(kKeyed) + "\r\n";
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n");
  socket.send(smuggled);
  EXPECT_THAT(socket.read_until("}}\n"), AllOf(StartsWith("HTTP/1.1 401"), Not(HasSubstr("Connection: close"))));
  socket.send(std::string(kKeyed) + "Content-Length: 4\r\n\r\nbody");
  EXPECT_THAT(socket.read_until("]"), EndsWith("POST /p?q [body]"));
}

TEST(OnHeader, ARefusedBodyOverItsLimitIsNotRead) {
  const auto server = start_echo(judging());
  TestSocket socket(server->port());
  socket.send("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world");
  EXPECT_THAT(socket.read_all(), AllOf(StartsWith("HTTP/1.1 401"), HasSubstr("Connection: close")));
}

TEST(OnHeader, ABodyIsNotTakenForTheNextRequest) {
  const auto server = start_echo(judging());
  TestSocket socket(server->port());
  std::string smuggled;
  while (smuggled.size() < 17 << 10) smuggled += std::string(kKeyed) + "\r\n";
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(smuggled.size()) + "\r\n\r\n" +
              smuggled);
  const std::string answers = socket.read_all();
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 401"));
  EXPECT_EQ(answers.find("200"), std::string::npos) << answers;
}

TEST(OnHeader, AConnectionGoesOnAfterARefusalWithoutABody) {
  const auto server = start_echo(judging());
  TestSocket socket(server->port());
  EXPECT_THAT(socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").read_until("}}\n"), StartsWith("HTTP/1.1 401"));
  socket.send(std::string(kKeyed) + "Content-Length: 4\r\n\r\nbody");
  EXPECT_THAT(socket.read_until("]"), EndsWith("POST /p?q [body]"));
  socket.send(std::string(kKeyed) + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
  EXPECT_THAT(socket.read_until("]"), EndsWith("POST /p?q [body]"));
}

TEST(OnHeader, SaysHowLargeABodyMayBe) {
  const auto server = start_echo(judging());
  const std::string head = "POST /small HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n";
  TestSocket announced(server->port());
  announced.send(head + "Content-Length: 11\r\n\r\n");
  EXPECT_THAT(announced.read_all(), AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("10 bytes")));
  TestSocket chunked(server->port());
  chunked.send(head + "Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n");
  EXPECT_THAT(chunked.read_all(), AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("10 bytes")));
  TestSocket fits(server->port());
  fits.send(head + "Content-Length: 10\r\n\r\n1234567890");
  EXPECT_THAT(fits.read_until("]"), EndsWith("[1234567890]"));
}

TEST(OnHeader, AJudgeThatThrowsRefuses) {
  ServerOptions options = test_options();
  options.on_header = [](const Request&) -> HeaderVerdict { throw std::runtime_error("a bug"); };
  const auto server = start_echo(options);
  TestSocket socket(server->port());
  EXPECT_THAT(socket.send(std::string(kKeyed) + "\r\n").read_until("}}\n"), StartsWith("HTTP/1.1 500"));
}

}  // namespace
}  // namespace freshet::http
