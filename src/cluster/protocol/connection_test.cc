// Brokers that answer, that lie, that stop in the midst of an answer, and that want to know who asks: each is a thread
// behind a real socket.
#include "cluster/protocol/connection.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <thread>

#include "cluster/protocol/client.h"

namespace freshet::cluster::protocol {
namespace {

using Tcp = boost::asio::ip::tcp;

// What goes back for a request; nullopt: the connection is closed.
using Answer = std::function<std::optional<std::string>(const RequestHead&, std::string_view frame)>;

class PlayedBroker {
 public:
  explicit PlayedBroker(Answer answer) : answer_(std::move(answer)), acceptor_(io_, {Tcp::v4(), 0}) {
    thread_ = std::thread([this] { serve(); });
  }
  ~PlayedBroker() {
    stopped_ = true;
    Tcp::socket wake(io_);
    wake.connect({boost::asio::ip::address_v4::loopback(), port()}, error_);
    thread_.join();
  }
  [[nodiscard]] uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void serve() {
    while (true) {
      Tcp::socket socket(io_);
      boost::system::error_code error;
      acceptor_.accept(socket, error);
      if (stopped_ || error) return;
      while (answer_one(socket)) {
      }
    }
  }

  bool answer_one(Tcp::socket& socket) {
    boost::system::error_code error;
    std::string head(4, '\0');
    boost::asio::read(socket, boost::asio::buffer(head), error);
    if (error) return false;
    uint32_t size = 0;
    for (const char c : head) size = size << 8 | static_cast<uint8_t>(c);
    std::string frame(size, '\0');
    boost::asio::read(socket, boost::asio::buffer(frame), error);
    const auto what = decode_head(frame);
    if (error || !what) return false;
    const auto answer = answer_(*what, frame);
    if (!answer) return false;
    boost::asio::write(socket, boost::asio::buffer(*answer), error);
    return !error;
  }

  const Answer answer_;
  boost::asio::io_context io_;
  Tcp::acceptor acceptor_;
  std::atomic<bool> stopped_{false};
  boost::system::error_code error_;
  std::thread thread_;
};

std::string versions(const RequestHead& head, std::vector<ApiVersionsResponse::Range> ranges) {
  return encode_response<ApiVersionsRequest>({0, std::move(ranges), 0}, head.version, head.correlation);
}
std::string all_versions(const RequestHead& head) {
  std::vector<ApiVersionsResponse::Range> ranges;
  each_request(
      [&]<class Request>(const Request&) { ranges.push_back({Request::kKey, Request::kLeast, Request::kMost}); });
  return versions(head, std::move(ranges));
}

ConnectionOptions in_time(env::TimeUs timeout_us = 60'000'000) {
  ConnectionOptions options;
  options.timeout_us = timeout_us;
  return options;
}

// What is told when this is the answer to a question for log dirs.
Error told_of(const Answer& answer, const ConnectionOptions& options = in_time()) {
  PlayedBroker broker([&](const RequestHead& head, std::string_view frame) {
    return head.key == ApiVersionsRequest::kKey ? all_versions(head) : answer(head, frame);
  });
  const auto connection = Connection::open("127.0.0.1", broker.port(), options);
  if (!connection) return connection.error();
  const auto got = (*connection)->ask(DescribeLogDirsRequest());
  if (got) return {Code::kFatal, "answered"};
  EXPECT_FALSE((*connection)->is_open());
  Error error = got.error();
  const std::string name = (*connection)->name() + ": DescribeLogDirs (35)";
  EXPECT_TRUE(error.message.starts_with(name)) << error.message;
  error.message.erase(0, std::min(error.message.size(), name.size()));
  return error;
}

TEST(Connection, AsksAndIsAnswered) {
  PlayedBroker broker([](const RequestHead& head, std::string_view frame) -> std::optional<std::string> {
    if (head.key == ApiVersionsRequest::kKey) return all_versions(head);
    EXPECT_TRUE(decode_request<DescribeLogDirsRequest>(frame).has_value());
    return encode_response<DescribeLogDirsRequest>({0, 0, {{0, "/d", {}, 100, 40}}}, head.version, head.correlation);
  });
  const auto connection = Connection::open("127.0.0.1", broker.port(), in_time());
  ASSERT_TRUE(connection.has_value()) << connection.error().message;
  for (int i = 0; i < 3; ++i) {
    const auto got = (*connection)->ask(DescribeLogDirsRequest());
    ASSERT_TRUE(got.has_value()) << got.error().message;
    EXPECT_EQ(got->dirs.at(0).usable_bytes, 40);
  }
  EXPECT_TRUE((*connection)->is_open());
}

TEST(Connection, TheHighestVersionThatBothKnow) {
  PlayedBroker broker([](const RequestHead& head, std::string_view) -> std::optional<std::string> {
    if (head.key == ApiVersionsRequest::kKey) return versions(head, {{35, 0, 1}, {34, 7, 9}});
    EXPECT_EQ(head.version, 1);
    return encode_response<DescribeLogDirsRequest>({}, head.version, head.correlation);
  });
  const auto connection = Connection::open("127.0.0.1", broker.port(), in_time());
  ASSERT_TRUE(connection.has_value()) << connection.error().message;
  EXPECT_TRUE((*connection)->ask(DescribeLogDirsRequest()).has_value());
  const auto other = (*connection)->ask(AlterReplicaLogDirsRequest());
  EXPECT_EQ(other.error().message,
            (*connection)->name() + ": AlterReplicaLogDirs (34): the broker speaks versions 7 to 9, Freshet 0 to 2");
  const auto unknown = (*connection)->ask(ElectLeadersRequest());
  EXPECT_NE(unknown.error().message.find("does not know this request"), std::string::npos);
}

TEST(Connection, ABrokerOfOldIsAskedAgainAsItWants) {
  int asked = 0;
  PlayedBroker broker([&](const RequestHead& head, std::string_view) -> std::optional<std::string> {
    ++asked;
    // Brokers before KIP-511 have no list in the answer to a version that they don't have.
    ApiVersionsResponse answer{static_cast<int16_t>(head.version == 0 ? 0 : 35), {}, 0};
    if (head.version == 0) answer.ranges = {{35, 0, 1}};
    return encode_response<ApiVersionsRequest>(answer, 0, head.correlation);
  });
  const auto connection = Connection::open("127.0.0.1", broker.port(), in_time());
  ASSERT_TRUE(connection.has_value()) << connection.error().message;
  EXPECT_EQ(asked, 2);
  EXPECT_EQ((*connection)->version_of(35, 0, 4).value(), 1);
}

TEST(Connection, ABrokerThatStopsInTheMidst) {
  const Error closed = told_of([](const RequestHead&, std::string_view) { return std::nullopt; });
  EXPECT_EQ(closed.code, Code::kRetry);
  EXPECT_EQ(closed.message, ": the other side closed the connection");
  // The frame claims 100 bytes; six come, and then nothing.
  const Error slow =
      told_of([](const RequestHead&, std::string_view) { return std::string("\0\0\0\x64", 4) + std::string(6, '\0'); },
              in_time(1'000'000));
  EXPECT_EQ(slow.code, Code::kRetry);
  EXPECT_EQ(slow.message, ", in the midst of an answer of 100 bytes: no answer within 1 s");
}

TEST(Connection, ABrokerThatLies) {
  const auto raw = [](std::string bytes) {
    return told_of([bytes](const RequestHead&, std::string_view) { return bytes; });
  };
  const Error large = raw("HTTP/1.1 400 Bad Request\r\n");
  EXPECT_EQ(large.code, Code::kCorrupt);
  EXPECT_EQ(large.message,
            ": what it answers is not Kafka's protocol: it claims to have 1213486160 bytes, where 4 to 67108864 are "
            "allowed");
  const Error other = told_of([](const RequestHead& head, std::string_view) {
    return encode_response<DescribeLogDirsRequest>({}, head.version, head.correlation + 1);
  });
  EXPECT_EQ(other.code, Code::kCorrupt);
  EXPECT_NE(other.message.find("an answer to request 3, where 2 is asked"), std::string::npos) << other.message;
  const Error cut = told_of([](const RequestHead& head, std::string_view) {
    std::string frame =
        encode_response<DescribeLogDirsRequest>({0, 0, {{0, "/d", {}, 1, 1}}}, head.version, head.correlation);
    frame[3] = static_cast<char>(frame[3] - 3);
    frame.resize(frame.size() - 3);
    return frame;
  });
  EXPECT_NE(cut.message.find("it ends in the midst of a value"), std::string::npos) << cut.message;
}

TEST(Connection, NobodyThere) {
  Tcp::acceptor::endpoint_type endpoint;
  {
    boost::asio::io_context io;
    endpoint = Tcp::acceptor(io, {Tcp::v4(), 0}).local_endpoint();
  }
  const auto connection = Connection::open("127.0.0.1", endpoint.port(), in_time());
  EXPECT_EQ(connection.error().code, Code::kRetry);
  EXPECT_EQ(connection.error().message,
            "127.0.0.1:" + std::to_string(endpoint.port()) + ": connect: Connection refused");
}

ConnectionOptions as_user(Mechanism mechanism, const std::string& password) {
  ConnectionOptions options = in_time();
  options.security.mechanism = mechanism;
  options.security.user = "u";
  options.security.password = password;
  return options;
}

TEST(Connection, PlainSaysWhoItIsAndIsRefusedWithTheBrokersWords) {
  PlayedBroker broker([](const RequestHead& head, std::string_view frame) -> std::optional<std::string> {
    if (head.key == ApiVersionsRequest::kKey) return all_versions(head);
    if (head.key == SaslHandshakeRequest::kKey)
      return encode_response<SaslHandshakeRequest>({0, {"PLAIN"}}, head.version, head.correlation);
    const auto request = decode_request<SaslAuthenticateRequest>(frame);
    const bool right = request && request->data == std::string("\0u\0right", 8);
    SaslAuthenticateResponse answer;
    if (!right) answer = {58, "Authentication failed: Invalid username or password", "", 0};
    return encode_response<SaslAuthenticateRequest>(answer, head.version, head.correlation);
  });
  EXPECT_TRUE(Connection::open("127.0.0.1", broker.port(), as_user(Mechanism::kPlain, "right")).has_value());
  const auto refused = Connection::open("127.0.0.1", broker.port(), as_user(Mechanism::kPlain, "wrong"));
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_EQ(refused.error().message,
            "127.0.0.1:" + std::to_string(broker.port()) +
                ": SaslAuthenticate (36): SASL_AUTHENTICATION_FAILED (58): Authentication failed: Invalid username or "
                "password");
}

TEST(Connection, AMechanismThatTheBrokerDoesNotTake) {
  PlayedBroker broker([](const RequestHead& head, std::string_view) -> std::optional<std::string> {
    if (head.key == ApiVersionsRequest::kKey) return all_versions(head);
    return encode_response<SaslHandshakeRequest>({33, {"PLAIN", "GSSAPI"}}, head.version, head.correlation);
  });
  const auto refused = Connection::open("127.0.0.1", broker.port(), as_user(Mechanism::kScramSha256, "p"));
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_NE(refused.error().message.find("SCRAM-SHA-256 is not what the broker takes: PLAIN, GSSAPI"),
            std::string::npos);
}

TEST(Client, FindsTheBrokersFromOneThatAnswers) {
  uint16_t port = 0;
  PlayedBroker broker([&](const RequestHead& head, std::string_view) -> std::optional<std::string> {
    if (head.key == ApiVersionsRequest::kKey) return all_versions(head);
    if (head.key == MetadataRequest::kKey)
      return encode_response<MetadataRequest>({0, {{7, "127.0.0.1", port, "a"}}, "the-id", 7, {}, 0}, head.version,
                                              head.correlation);
    return encode_response<ListPartitionReassignmentsRequest>({0, 0, {}, {{"t", {{0, {1, 2}, {2}, {1}}}}}},
                                                              head.version, head.correlation);
  });
  port = broker.port();
  // The first of the list is nobody.
  const auto client = Client::open("127.0.0.1:1, 127.0.0.1:" + std::to_string(port), in_time());
  ASSERT_TRUE(client.has_value()) << client.error().message;
  EXPECT_EQ((*client)->cluster_id(), "the-id");
  const auto moves = (*client)->ask_controller(ListPartitionReassignmentsRequest());
  ASSERT_TRUE(moves.has_value()) << moves.error().message;
  EXPECT_EQ(moves->topics.at(0).partitions.at(0).adding, std::vector<int32_t>{2});
  EXPECT_EQ((*client)->ask(8, DescribeLogDirsRequest()).error().code, Code::kNotFound);
  EXPECT_EQ(Client::open("no-port", in_time()).error().message, "brokers: \"no-port\" must be host:port");
}

}  // namespace
}  // namespace freshet::cluster::protocol
