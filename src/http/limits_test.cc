// What slow, hostile and broken clients get.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "env/clock.h"
#include "http/seats.h"
#include "telemetry/metrics.h"
#include "testing/socket.h"

namespace freshet::http {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
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

TEST(Limits, WhatGoesAnotherWayIsNotHeldBack) {
  ServerOptions options = small_options();
  options.holds_back = [] { return true; };
  options.hold_ms = 60'000;
  options.on_header = [](const Request& head) {
    HeaderVerdict verdict;
    verdict.never_held = head.path == "/logs";
    return verdict;
  };
  const auto server = start_echo(options);
  TestSocket other(server->port());
  other.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd");
  TestSocket socket(server->port());
  EXPECT_THAT(socket.send("POST /logs HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd").read_until("]"),
              StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(other.arrived(), 0u);
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
  for (const std::string& request : {std::string("hello\r\n\r\n"),
                                     std::string("GET / HTTP/9.9\r\n\r\n"),
                                     std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"),
                                     head + "Content-Length: many\r\n\r\n",
                                     head + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                                     head + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                     head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
                                     head + "Transfer-Encoding: gzip\r\n\r\n",
                                     head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                                     head + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
                                     head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                                     std::string("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                                     std::string("GET / HTTP/1.1\r\n\r\n"),
                                     std::string("GET / HTTP/1.1\r\nHost:\r\n\r\n"),
                                     std::string("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
                                     std::string("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
                                     std::string("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
                                     std::string("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
                                     std::string("GET http://a/ HTTP/1.1\r\n\r\n"),
                                     head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
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

std::string answer_of(TestSocket& socket, const std::string& path = "/") {
  return socket.send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n").read_until("]").substr(0, 12);
}

// Answers nobody before finish().
class Busy {
 public:
  explicit Busy(const ServerOptions& options) {
    server_ = *Server::start(options, [this](const Request& request, const Respond& respond) {
      if (request.path != "/wait") return respond(echo(request));
      const std::lock_guard lock(mutex_);
      waiting_.push_back(respond);
    });
  }
  [[nodiscard]] uint16_t port() const { return server_->port(); }
  void wait_for(size_t count) {
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() >= count) return;
      }
      env::real_clock().sleep_us(1000);
    }
  }
  void finish() {
    const std::lock_guard lock(mutex_);
    for (const auto& respond : waiting_) respond(Response());
    waiting_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<Respond> waiting_;
  std::unique_ptr<Server> server_;
};

ServerOptions few_connections() {
  ServerOptions options = small_options();
  options.connections_max = 3;
  options.connections_per_address = 3;
  options.request_timeout_s = 60;
  options.idle_timeout_s = 60;
  return options;
}

TEST(Limits, ANewcomerIsRefusedWhileAllAreBusy) {
  Busy server(few_connections());
  std::vector<std::unique_ptr<TestSocket>> sockets;
  for (int i = 0; i < 3; ++i) {
    sockets.push_back(std::make_unique<TestSocket>(server.port()));
    sockets.back()->send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  server.wait_for(3);
  {
    TestSocket refused(server.port());
    const std::string said = refused.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").read_all();
    EXPECT_THAT(said, AllOf(StartsWith("HTTP/1.1 503"), EndsWith("}}\n")));
  }
  server.finish();
  for (const auto& socket : sockets) EXPECT_THAT(socket->read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  // The server learns a little later that the refused one has gone.
  std::string answer;
  for (int i = 0; i < 100 && answer != "HTTP/1.1 200"; ++i) {
    TestSocket next(server.port());
    answer = answer_of(next);
  }
  EXPECT_EQ(answer, "HTTP/1.1 200");
}

TEST(Limits, IdleConnectionsGiveWayToNewcomers) {
  const auto server = start_echo(few_connections());
  TestSocket good(server->port());
  EXPECT_EQ(answer_of(good), "HTTP/1.1 200");
  std::vector<std::unique_ptr<TestSocket>> idle;
  for (int i = 0; i < 200; ++i) {
    idle.push_back(std::make_unique<TestSocket>(server->port()));
    if (i % 2 == 0) idle.back()->send("POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  }
  TestSocket newcomer(server->port());
  EXPECT_EQ(answer_of(newcomer), "HTTP/1.1 200");
  // Who has sent a whole request stays longest.
  EXPECT_EQ(answer_of(good), "HTTP/1.1 200");
  EXPECT_EQ(idle.front()->read_all(), "");
}

TEST(Limits, WhoDoesNotReadItsAnswerGivesWay) {
  ServerOptions options = few_connections();
  auto server = Server::start(options, [](const Request&, const Respond& respond) {
    Response response;
    response.body.assign(20'000'000, 'x');
    respond(std::move(response));
  });
  std::vector<std::unique_ptr<TestSocket>> silent;
  for (int i = 0; i < 3; ++i) {
    silent.push_back(std::make_unique<TestSocket>((*server)->port()));
    silent.back()->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(silent.back()->read_until("\r\n"), StartsWith("HTTP/1.1 200"));
  }
  TestSocket newcomer((*server)->port());
  newcomer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(newcomer.read_until("\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST(Limits, ConnectionsOfAnAddressAreBounded) {
  ServerOptions options = few_connections();
  options.connections_max = 100;
  Busy server(options);
  std::vector<std::unique_ptr<TestSocket>> sockets;
  for (int i = 0; i < 3; ++i) {
    sockets.push_back(std::make_unique<TestSocket>(server.port()));
    sockets.back()->send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  server.wait_for(3);
  TestSocket refused(server.port());
  EXPECT_EQ(answer_of(refused), "HTTP/1.1 503");
  TestSocket other(server.port(), "127.0.0.2");
  EXPECT_EQ(answer_of(other), "HTTP/1.1 200");
  server.finish();
}

TEST(Limits, AnAnnouncedBodyTakesNoMemoryOfOthers) {
  ServerOptions options = small_options();
  options.request_timeout_s = 60;
  options.body_bytes_max = 1 << 20;
  options.bodies_bytes_max = 4 << 20;  // one of an address
  const auto server = start_echo(options);
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ";
  std::vector<std::unique_ptr<TestSocket>> announcing;
  for (int i = 0; i < 8; ++i) {
    announcing.push_back(std::make_unique<TestSocket>(server->port()));
    announcing.back()->send(head + "1048576\r\n\r\n");
  }
  TestSocket socket(server->port());
  EXPECT_THAT(socket.send(head + "100000\r\n\r\n" + std::string(100'000, 'b')).read_until("]"),
              StartsWith("HTTP/1.1 200"));
}

TEST(Limits, BodiesUnderWayShareABudget) {
  ServerOptions options = small_options();
  options.body_bytes_max = 1 << 20;
  options.bodies_bytes_max = 4 << 20;
  options.strangers_bodies_bytes_max = 32 << 10;
  options.connections_per_address = options.connections_max;  // so what one address has is all that there is
  const auto own = std::make_shared<SharedBodyBudget>(64 << 10, 32 << 10);
  options.on_header = [own](const Request& head) {
    return HeaderVerdict{
        .refuse = {}, .trusted = head.path == "/trusted", .bodies = head.path == "/own" ? own : nullptr};
  };
  Busy server(options);
  const auto head = [](const std::string& path) { return "POST " + path + " HTTP/1.1\r\nHost: x\r\n"; };
  const std::string length = "Content-Length: 32768\r\n\r\n";
  const std::string body(32 << 10, 'b');
  TestSocket first(server.port());
  first.send(head("/wait") + length + body);
  server.wait_for(1);  // its body is with the handler, and counts until it is answered
  const uint64_t refused_before = telemetry::counter_total("freshet_http_bodies_refused_total");
  TestSocket second(server.port());
  second.send(head("/") + length + body);
  EXPECT_THAT(second.read_all(), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("Retry-After: 1")));
  TestSocket chunked(server.port());
  chunked.send(head("/") + "Transfer-Encoding: chunked\r\n\r\n8000\r\n" + body + "\r\n0\r\n\r\n");
  EXPECT_THAT(chunked.read_all(), StartsWith("HTTP/1.1 503"));
  EXPECT_EQ(telemetry::counter_total("freshet_http_bodies_refused_total"), refused_before + 2);
  TestSocket trusted(server.port());
  EXPECT_THAT(trusted.send(head("/trusted") + length + body).read_until("]"), StartsWith("HTTP/1.1 200"));
  // Who has a budget of its own is not touched by the others, and touches none.
  const std::shared_ptr<BodyBudget> part = own->part_of(address_key(boost::asio::ip::make_address("127.0.0.1")));
  ASSERT_EQ(part->take(1), BodyBudget::Taken::kYes);
  TestSocket full(server.port());
  EXPECT_THAT(full.send(head("/own") + length + body).read_all(),
              AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("of this address")));
  TestSocket elsewhere(server.port(), "127.0.0.2");
  EXPECT_THAT(elsewhere.send(head("/own") + length + body).read_until("]"), StartsWith("HTTP/1.1 200"));
  part->give_back(1);
  TestSocket apart(server.port());
  EXPECT_THAT(apart.send(head("/own") + length + body).read_until("]"), StartsWith("HTTP/1.1 200"));
  server.finish();
  EXPECT_THAT(first.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  TestSocket third(server.port());
  EXPECT_THAT(third.send(head("/") + length + body).read_until("]"), StartsWith("HTTP/1.1 200"));
  for (const char* const path : {"/", "/own"}) {
    TestSocket too_large(server.port());
    too_large.send(head(path) + "Content-Length: 32769\r\n\r\n");
    EXPECT_THAT(too_large.read_all(), AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("32768 bytes"))) << path;
  }
}

using Sockets = std::vector<std::unique_ptr<TestSocket>>;

// A request that stops in its body, for which it has 8 KiB.
void begin_body(Sockets& sockets, uint16_t port, const char* from) {
  sockets.push_back(std::make_unique<TestSocket>(port, from));
  sockets.back()->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8192\r\n\r\n" + std::string(5000, 'b'));
}

// Takes out the first that is answered, and returns what it was told.
std::string first_answer(Sockets& sockets) {
  for (int tries = 0; tries < 60'000; ++tries) {
    for (auto at = sockets.begin(); at != sockets.end(); ++at) {
      if ((*at)->arrived() == 0) continue;
      const std::string answer = (*at)->read_all();
      sockets.erase(at);
      return answer;
    }
    env::real_clock().sleep_us(1000);
  }
  return "nobody was answered";
}

// 64 connections that stop half-way through their bodies would otherwise shut out every sender that has its key in the
// body, for as long as a request may take.
TEST(Limits, OneAddressHoldsAQuarterOfTheMemoryForBodies) {
  for (const bool trusted : {false, true}) {
    ServerOptions options = small_options();
    options.request_timeout_s = 60;
    options.body_bytes_max = 16 << 10;
    (trusted ? options.bodies_bytes_max : options.strangers_bodies_bytes_max) = 64 << 10;
    options.on_header = [trusted](const Request&) { return HeaderVerdict{.refuse = {}, .trusted = trusted}; };
    const auto server = start_echo(options);
    const uint64_t refused_before = telemetry::counter_total("freshet_http_bodies_refused_total");
    Sockets held;
    for (int i = 0; i < 3; ++i) begin_body(held, server->port(), "127.0.0.1");
    EXPECT_THAT(first_answer(held), AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("of this address")));
    EXPECT_EQ(telemetry::counter_total("freshet_http_bodies_refused_total"), refused_before + 1);
    // Others find room, until all of them together have what there is.
    const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ";
    for (const char* const from : {"127.0.0.2", "127.0.0.3", "127.0.0.4"}) {
      TestSocket other(server->port(), from);
      EXPECT_THAT(other.send(head + "8192\r\n\r\n" + std::string(8192, 'b')).read_until("]"),
                  StartsWith("HTTP/1.1 200"));
      for (int i = 0; i < 2; ++i) begin_body(held, server->port(), from);
    }
    begin_body(held, server->port(), "127.0.0.5");
    EXPECT_THAT(first_answer(held), AllOf(StartsWith("HTTP/1.1 503"), Not(HasSubstr("of this address"))));
    TestSocket large(server->port(), "127.0.0.5");
    large.send(head + "16385\r\n\r\n");
    EXPECT_THAT(large.read_all(), AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("16384 bytes")));
  }
}

TEST(Limits, WhoMayHaveMoreConnectionsMayHaveMoreBodies) {
  ServerOptions options;
  options.connections_max = 1000;
  EXPECT_EQ(bodies_of_an_address(options, 4000), 1000u);
  options.connections_per_address = 10;
  EXPECT_EQ(bodies_of_an_address(options, 4000), 1000u);
  options.connections_per_address = 500;
  EXPECT_EQ(bodies_of_an_address(options, 4000), 2000u);
  options.connections_per_address = 5000;
  EXPECT_EQ(bodies_of_an_address(options, 4000), 4000u);
}

}  // namespace
}  // namespace freshet::http
