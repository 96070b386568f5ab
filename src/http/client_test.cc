#include "http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "env/clock.h"
#include "testing/socket.h"

namespace freshet::http {
namespace {

using ::testing::HasSubstr;

std::string url_of(uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

Request request_of(const std::string& method, const std::string& path, std::string body = "") {
  Request request;
  request.method = method;
  request.path = path;
  request.body = std::move(body);
  return request;
}

TEST(Client, SendsAndReceives) {
  const auto server = start_echo(test_options());
  auto client = Client::connect(url_of(server->port()));
  ASSERT_TRUE(client) << client.error().message;
  for (int i = 0; i < 3; ++i) {
    const auto response = (*client)->send(request_of("POST", "/p", std::string(100'000, 'b')));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->content_type, "text/plain");
    EXPECT_EQ(response->body, "POST /p? [" + std::string(100'000, 'b') + "]");
  }
  EXPECT_EQ((*client)->send(request_of("HEAD", "/h"))->body, "");
  EXPECT_EQ((*client)->send(request_of("GET", "/g"))->body, "GET /g? []");
}

TEST(Client, ReadsTheRefusalOfABodyItIsStillSending) {
  const auto server = start_echo(test_options());
  auto client = Client::connect(url_of(server->port()));
  EXPECT_EQ((*client)->send(request_of("POST", "/", std::string(30'000'000, 'b')))->status, 413);
  EXPECT_EQ((*client)->send(request_of("POST", "/", "small"))->status, 200);
}

// Whatever follows its head: too much, or nothing more.
TEST(Client, AnAnswerMayCountByItsHead) {
  const auto server = start_echo(test_options());
  ClientOptions options;
  options.body_bytes_max = 1000;
  const std::string body(5000, 'b');
  auto client = Client::connect(url_of(server->port()), options);
  EXPECT_FALSE((*client)->send(request_of("POST", "/", body)));
  options.cut_body = true;
  client = Client::connect(url_of(server->port()), options);
  for (int i = 0; i < 3; ++i) {
    const auto response = (*client)->send(request_of("POST", "/", body));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200);
    EXPECT_LE(response->body.size(), 1000U);
  }
}

TEST(Client, ReconnectsWhenTheServerClosedAnIdleConnection) {
  ServerOptions options = test_options();
  options.idle_timeout_s = 1;
  auto server = start_echo(options);
  auto client = Client::connect(url_of(server->port()));
  EXPECT_EQ((*client)->send(request_of("GET", "/1"))->status, 200);
  options.listen = "127.0.0.1:" + std::to_string(server->port());
  server.reset();
  const auto refused = (*client)->send(request_of("GET", "/2"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kRetry);
  server = start_echo(options);
  EXPECT_EQ((*client)->send(request_of("GET", "/3"))->status, 200);
  env::real_clock().sleep_us(1'500'000);
  EXPECT_EQ((*client)->send(request_of("GET", "/4"))->status, 200);
}

TEST(Client, GivesUpAfterItsTimeout) {
  Respond held;
  auto server = Server::start(test_options(), [&](const Request&, const Respond& respond) { held = respond; });
  auto client = Client::connect(url_of((*server)->port()), {.timeout_s = 1, .ca_file = ""});
  const auto response = (*client)->send(request_of("GET", "/"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::kRetry);
}

// Says `answer` to whoever connects first.
TEST(Client, ReadsChunkedResponses) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
  std::thread peer([&] {
    boost::asio::ip::tcp::socket socket(io);
    acceptor.accept(socket);
    std::string request;
    boost::asio::read_until(socket, boost::asio::dynamic_buffer(request), "\r\n\r\n");
    const std::string answer =
        "HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\nX-Y: z\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    boost::asio::write(socket, boost::asio::buffer(answer));
  });
  auto client = Client::connect(url_of(acceptor.local_endpoint().port()));
  const auto response = (*client)->send(request_of("GET", "/"));
  peer.join();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 202);
  EXPECT_EQ(response->body, "abcde");
}

TEST(Client, ExplainsWhatItCantDo) {
  for (const char* url : {"127.0.0.1:80", "ftp://h:1", "http://", "http://h:1/path", "http://u@h"}) {
    const auto client = Client::connect(url);
    ASSERT_FALSE(client) << url;
    EXPECT_EQ(client.error().code, Code::kInvalid);
    EXPECT_THAT(client.error().message, HasSubstr("http://host:port"));
  }
  uint16_t port = 0;
  {
    port = start_echo(test_options())->port();
  }
  const auto nobody = Client::connect(url_of(port));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Code::kRetry);
  EXPECT_THAT(nobody.error().message, HasSubstr("connect: Connection refused"));
}

}  // namespace
}  // namespace freshet::http
