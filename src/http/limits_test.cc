// What slow, hostile and broken clients get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "env/clock.h"
#include "testing/socket.h"

namespace freshet::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

ServerOptions small_options() {
  ServerOptions options = test_options();
  options.body_bytes_max = 1000;
  options.header_bytes_max = 2000;
  options.request_timeout_s = 1;
  options.idle_timeout_s = 1;
  return options;
}

TEST(Limits, BodiesAreRefusedBeforeTheyAreRead) {
  const auto server = start_echo(small_options());
  TestSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(socket.read_until("}}"), AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("1000 bytes")));
  TestSocket most(server->port());
  EXPECT_THAT(
      most.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x')).read_until("]"),
      StartsWith("HTTP/1.1 200"));
}

TEST(Limits, TheAnswerArrivesAlthoughTheClientGoesOnSending) {
  const auto server = start_echo(small_options());
  TestSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n");
  socket.send(std::string(20'000'000, 'x'));
  EXPECT_FALSE(socket.error()) << socket.error().message();
  EXPECT_THAT(socket.end_sending().read_all(), StartsWith("HTTP/1.1 413"));
}

TEST(Limits, RequestsThatAreHeldBackAreHandledLater) {
  std::atomic<bool> holds{true};
  ServerOptions options = small_options();
  options.holds_back = [&] { return holds.load(); };
  options.hold_ms = 60'000;
  const auto server = start_echo(options);
  TestSocket held(server->port());
  held.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd");
  env::real_clock().sleep_us(300'000);
  EXPECT_EQ(held.arrived(), 0u);
  holds = false;
  EXPECT_THAT(held.read_until("]"), StartsWith("HTTP/1.1 200"));
}

TEST(Limits, NothingIsHeldBackForEver) {
  ServerOptions options = small_options();
  options.holds_back = [] { return true; };
  options.hold_ms = 300;
  const auto server = start_echo(options);
  TestSocket held(server->port());
  EXPECT_THAT(held.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").read_until("]"), StartsWith("HTTP/1.1 200"));
}

TEST(Limits, ChunkedBodiesAreCounted) {
  const auto server = start_echo(small_options());
  TestSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 11; ++i) socket.send("64\r\n" + std::string(100, 'x') + "\r\n");
  EXPECT_THAT(socket.read_until("}}"), StartsWith("HTTP/1.1 413"));
}

TEST(Limits, HeadersAreBounded) {
  const auto server = start_echo(small_options());
  const std::string start = "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ";
  TestSocket whole(server->port());
  EXPECT_THAT(whole.send(start + std::string(3000, 'h') + "\r\n\r\n").read_until("}}"), StartsWith("HTTP/1.1 431"));
  TestSocket endless(server->port());
  EXPECT_THAT(endless.send(start + std::string(200'000, 'h')).read_until("}}"), StartsWith("HTTP/1.1 431"));
  TestSocket address(server->port());
  EXPECT_THAT(address.send("GET /" + std::string(3000, 'a')).read_until("}}"), StartsWith("HTTP/1.1 431"));
  TestSocket fine(server->port());
  EXPECT_THAT(fine.send(start + std::string(1800, 'h') + "\r\n\r\n").read_until("]"), StartsWith("HTTP/1.1 200"));
}

TEST(Limits, WhatIsNotHttpIsRefused) {
  const auto server = start_echo(small_options());
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& request :
       {std::string("hello\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"), head + "Content-Length: many\r\n\r\n",
        head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        head + "Transfer-Encoding: gzip\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        std::string("\x16\x03\x01\x02\x00\x01\x00", 7)}) {
    TestSocket socket(server->port());
    EXPECT_THAT(socket.send(request).end_sending().read_all(), StartsWith("HTTP/1.1 400")) << request;
  }
}

TEST(Limits, AnUnfinishedRequestIsRefused) {
  const auto server = start_echo(small_options());
  for (const char* request : {"GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"}) {
    TestSocket socket(server->port());
    EXPECT_THAT(socket.send(request).end_sending().read_all(), StartsWith("HTTP/1.1 400")) << request;
  }
}

TEST(Limits, SlowRequestsTimeOut) {
  const auto server = start_echo(small_options());
  TestSocket in_header(server->port());
  TestSocket in_body(server->port());
  TestSocket silent(server->port());
  in_header.send("GET / HTTP/1.1\r\n");
  in_body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  const auto before = env::real_clock().monotonic_us();
  EXPECT_THAT(in_header.read_until("}}"), AllOf(StartsWith("HTTP/1.1 408"), HasSubstr("within 1 s")));
  EXPECT_THAT(in_body.read_until("}}"), StartsWith("HTTP/1.1 408"));
  EXPECT_EQ(silent.read_all(), "");
  const auto took = env::real_clock().monotonic_us() - before;
  EXPECT_GT(took, 900'000);
  EXPECT_LT(took, 60'000'000);
}

TEST(Limits, ATrickleDoesNotExtendTheTime) {
  const auto server = start_echo(small_options());
  TestSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n");
  for (int i = 0; i < 20 && !socket.error(); ++i) {
    socket.send("x");
    env::real_clock().sleep_us(100'000);
  }
  EXPECT_THAT(socket.read_until("}}"), StartsWith("HTTP/1.1 408"));
}

TEST(Limits, IdleConnectionsClose) {
  const auto server = start_echo(small_options());
  TestSocket socket(server->port());
  EXPECT_THAT(socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").read_until("]"), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(socket.read_all(), "");
}

TEST(Limits, ConnectionsAreBounded) {
  ServerOptions options = small_options();
  options.connections_max = 3;
  options.idle_timeout_s = 60;
  const auto server = start_echo(options);
  const auto answer_of = [](TestSocket& socket) {
    return socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").read_until("\r\n").substr(0, 12);
  };
  std::vector<std::unique_ptr<TestSocket>> sockets;
  for (int i = 0; i < 3; ++i) {
    sockets.push_back(std::make_unique<TestSocket>(server->port()));
    EXPECT_EQ(answer_of(*sockets.back()), "HTTP/1.1 200");
  }
  TestSocket refused(server->port());
  EXPECT_EQ(answer_of(refused), "HTTP/1.1 503");
  EXPECT_THAT(refused.read_all(), EndsWith("}}\n"));
  sockets.clear();
  std::string answer;
  for (int i = 0; i < 100 && answer != "HTTP/1.1 200"; ++i) {
    TestSocket next(server->port());
    answer = answer_of(next);
  }
  EXPECT_EQ(answer, "HTTP/1.1 200");
}

}  // namespace
}  // namespace freshet::http
