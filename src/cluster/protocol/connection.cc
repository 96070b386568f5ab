#include "cluster/protocol/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <optional>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "cluster/protocol/errors.h"
#include "cluster/protocol/scram.h"
#include "http/tls.h"

namespace freshet::cluster::protocol {
namespace {

namespace net = boost::asio;
using NetError = boost::system::error_code;

constexpr size_t kNonceBytes = 18;
constexpr size_t kChunkBytes = 1u << 20;

Result<std::shared_ptr<net::ssl::context>> tls_of(const Security& security) {
  FRESHET_ASSIGN(auto context, http::client_tls(security.ca_file));
  if (security.cert_file.empty()) return context;
  NetError error;
  context->set_password_callback(
      [password = security.key_password](size_t, net::ssl::context::password_purpose) { return password; }, error);
  context->use_certificate_chain_file(security.cert_file, error);
  if (error)
    return fail(Code::kInvalid, fmt::format("ssl.certificate.location {}: {}", security.cert_file, error.message()));
  context->use_private_key_file(security.key_file, net::ssl::context::pem, error);
  if (error) return fail(Code::kInvalid, fmt::format("ssl.key.location {}: {}", security.key_file, error.message()));
  return context;
}

// Each step is an asynchronous operation that runs to its end: Asio has no other way to give it a time limit. The limit
// is one for all steps of a request, so that a broker that sends a byte now and then is too slow, too.
class TcpConnection final : public Connection {
 public:
  TcpConnection(const std::string& host, uint16_t port, const ConnectionOptions& options,
                std::shared_ptr<net::ssl::context> tls)
      : Connection(options.client_id),
        host_(host),
        port_(port),
        name_(fmt::format(fmt::runtime(host.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}"), host, port)),
        options_(options),
        tls_context_(std::move(tls)),
        stream_(io_) {
    FRESHET_ASSERT(options.security.tls == (tls_context_ != nullptr));
  }

  Status connect(env::Random& random);
  const std::string& name() const override { return name_; }
  bool is_open() override;
  Result<int16_t> version_of(int16_t key, int16_t least, int16_t most) const override;

 private:
  Result<std::string> exchange(int16_t key, const std::string& frame) override;
  tl::unexpected<Error> not_an_answer(int16_t key, const Error& error) override;

  template <class Start>
  NetError run(const Start& start);
  template <class Use>
  void with_stream(const Use& use) {
    tls_ ? use(*tls_) : use(stream_);
  }
  // From now on, for all steps.
  void limit_time() { stream_.expires_after(std::chrono::microseconds(options_.timeout_us)); }
  NetError read(char* bytes, size_t size);
  Status shake_hands();
  Status learn_versions();
  Status log_in(env::Random& random);
  Status log_in_by_scram(env::Random& random);
  Result<std::string> say(std::string data);
  tl::unexpected<Error> broken(const std::string& step, const NetError& error);
  [[nodiscard]] std::string about(int16_t key) const { return fmt::format("{}: {}", name_, key_name(key)); }

  const std::string host_;
  const uint16_t port_;
  const std::string name_;
  const ConnectionOptions options_;
  std::shared_ptr<net::ssl::context> tls_context_;  // null: plain
  net::io_context io_{1};
  boost::beast::tcp_stream stream_;
  std::optional<net::ssl::stream<boost::beast::tcp_stream&>> tls_;  // around stream_
  std::vector<ApiVersionsResponse::Range> versions_;                // by key
};

template <class Start>
NetError TcpConnection::run(const Start& start) {
  NetError result = net::error::would_block;
  start([&result](const NetError& error, auto&&...) { result = error; });
  io_.restart();
  io_.run();
  FRESHET_ASSERT(result != net::error::would_block);  // run() returns when the operation has called back
  return result;
}

tl::unexpected<Error> TcpConnection::broken(const std::string& step, const NetError& error) {
  stream_.close();
  const bool is_slow = error == boost::beast::error::timeout;
  const bool is_end = error == net::error::eof || error == net::ssl::error::stream_truncated;
  const std::string what = is_slow  ? fmt::format("no answer within {} s", options_.timeout_us / 1'000'000)
                           : is_end ? std::string("the broker closed the connection")
                                    : error.message();
  return fail(Code::kRetry, fmt::format("{}: {}: {}", name_, step, what));
}

tl::unexpected<Error> TcpConnection::not_an_answer(int16_t key, const Error& error) {
  stream_.close();
  return fail(Code::kCorrupt,
              fmt::format("{}: what it answers is not Kafka's protocol: {}", about(key), error.message));
}

Status TcpConnection::connect(env::Random& random) {
  limit_time();
  NetError error;
  net::ip::tcp::resolver resolver(io_);
  const auto endpoints = resolver.resolve(host_, std::to_string(port_), error);
  if (error) return broken("resolve", error);
  error = run([&](auto done) { stream_.async_connect(endpoints, done); });
  if (error) return broken("connect", error);
  stream_.socket().set_option(net::ip::tcp::no_delay(true), error);
  if (tls_context_ != nullptr) FRESHET_TRY(shake_hands());
  FRESHET_TRY(learn_versions());
  return options_.security.mechanism == Mechanism::kNone ? Status{} : log_in(random);
}

Status TcpConnection::shake_hands() {
  tls_.emplace(stream_, *tls_context_);
  if (options_.security.check_host) tls_->set_verify_callback(net::ssl::host_name_verification(host_));
  // A server of many names is told which one is meant; addresses are no names (RFC 6066, section 3).
  NetError is_name;
  net::ip::make_address(host_, is_name);
  if (is_name) SSL_set_tlsext_host_name(tls_->native_handle(), host_.c_str());
  const NetError error = run([&](auto done) { tls_->async_handshake(net::ssl::stream_base::client, done); });
  if (!error) return {};
  const long verified = SSL_get_verify_result(tls_->native_handle());
  auto failure = broken("TLS", error);
  if (verified == X509_V_OK) return failure;
  return fail(Code::kInvalid, fmt::format("{}: its certificate is not trusted as that of {}: {}; ssl.ca.location names "
                                          "the authority",
                                          name_, host_, X509_verify_cert_error_string(verified)));
}

// A byte is peeked at: nothing there means that the connection still stands; bytes are tickets of TLS that nobody has
// read yet.
bool TcpConnection::is_open() {
  if (!stream_.socket().is_open()) return false;
  NetError error;
  char byte = 0;
  stream_.socket().non_blocking(true, error);
  stream_.socket().receive(net::buffer(&byte, 1), net::socket_base::message_peek, error);
  return !error || error == net::error::would_block;
}

NetError TcpConnection::read(char* bytes, size_t size) {
  return run(
      [&](auto done) { with_stream([&](auto& stream) { net::async_read(stream, net::buffer(bytes, size), done); }); });
}

Result<std::string> TcpConnection::exchange(int16_t key, const std::string& frame) {
  if (!stream_.socket().is_open()) return fail(Code::kRetry, about(key) + ": the connection is closed");
  limit_time();
  const NetError written =
      run([&](auto done) { with_stream([&](auto& stream) { net::async_write(stream, net::buffer(frame), done); }); });
  if (written) return broken(key_name(key), written);
  std::array<char, kSizeBytes> head{};
  if (const NetError error = read(head.data(), head.size())) return broken(key_name(key), error);
  uint32_t size = 0;
  for (const char c : head) size = size << 8 | static_cast<uint8_t>(c);
  if (size < kSizeBytes || size > options_.response_bytes_max)
    return not_an_answer(key, {Code::kCorrupt, fmt::format("it claims to have {} bytes, where {} to {} are allowed",
                                                           size, kSizeBytes, options_.response_bytes_max)});
  // A size is a claim, too: memory follows what arrives.
  std::string answer;
  while (answer.size() < size) {
    const size_t begin = answer.size();
    answer.resize(std::min<size_t>(size, begin + kChunkBytes));
    if (const NetError error = read(answer.data() + begin, answer.size() - begin))
      return broken(fmt::format("{}, in the midst of an answer of {} bytes", key_name(key), size), error);
  }
  return answer;
}

Status TcpConnection::learn_versions() {
  FRESHET_ASSIGN(ApiVersionsResponse answer, ask_as(ApiVersionsRequest(), ApiVersionsRequest::kMost));
  // A broker that does not have that version says what it has, as version 0, or at least that.
  if (answer.error != kNoError && answer.ranges.empty()) {
    FRESHET_ASSIGN(answer, ask_as(ApiVersionsRequest(), ApiVersionsRequest::kLeast));
    if (answer.error != kNoError) return tl::unexpected(error_of(answer.error, about(ApiVersionsRequest::kKey)));
  }
  versions_ = std::move(answer.ranges);
  return {};
}

Result<int16_t> TcpConnection::version_of(int16_t key, int16_t least, int16_t most) const {
  for (const ApiVersionsResponse::Range& range : versions_) {
    if (range.key != key) continue;
    const int16_t version = std::min(most, range.most);
    if (version >= std::max(least, range.least)) return version;
    return fail(Code::kInvalid, fmt::format("{}: the broker speaks versions {} to {}, Freshet {} to {}", about(key),
                                            range.least, range.most, least, most));
  }
  return fail(Code::kInvalid, fmt::format("{}: the broker does not know this request: is it older than Kafka 2.4, or "
                                          "is there a proxy before it?",
                                          about(key)));
}

Result<std::string> TcpConnection::say(std::string data) {
  SaslAuthenticateRequest request;
  request.data = std::move(data);
  FRESHET_ASSIGN(SaslAuthenticateResponse answer, ask(request));
  if (answer.error != kNoError) {
    const Error refused = error_of(answer.error, about(SaslAuthenticateRequest::kKey), answer.message);
    return fail(Code::kInvalid, refused.message);
  }
  return std::move(answer.data);
}

Status TcpConnection::log_in(env::Random& random) {
  const Security& security = options_.security;
  SaslHandshakeRequest hello;
  hello.mechanism = name_of(security.mechanism);
  FRESHET_ASSIGN(const SaslHandshakeResponse answer, ask(hello));
  if (answer.error == kUnsupportedMechanism)
    return fail(Code::kInvalid, fmt::format("{}: {} is not what the broker takes: {}", name_, hello.mechanism,
                                            fmt::join(answer.mechanisms, ", ")));
  if (answer.error != kNoError) return tl::unexpected(error_of(answer.error, about(SaslHandshakeRequest::kKey)));
  if (security.mechanism != Mechanism::kPlain) return log_in_by_scram(random);
  // RFC 4616: authorization identity (none), authentication identity, password.
  std::string plain;
  plain.append(1, '\0').append(security.user).append(1, '\0').append(security.password);
  FRESHET_TRY(say(std::move(plain)));
  return {};
}

Status TcpConnection::log_in_by_scram(env::Random& random) {
  const Security& security = options_.security;
  const ScramHash hash = security.mechanism == Mechanism::kScramSha256 ? ScramHash::kSha256 : ScramHash::kSha512;
  Scram scram(hash, security.user, security.password, to_hex(random.bytes(kNonceBytes)));
  const auto told = [&](const Error& error) { return fail(error.code, fmt::format("{}: {}", name_, error.message)); };
  FRESHET_ASSIGN(const std::string server_first, say(scram.first()));
  const Result<std::string> proof = scram.final(server_first);
  if (!proof) return told(proof.error());
  FRESHET_ASSIGN(const std::string server_final, say(*proof));
  const Status verified = scram.verify(server_final);
  return verified ? Status{} : told(verified.error());
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& host, uint16_t port,
                                                     const ConnectionOptions& options, env::Random& random) {
  std::shared_ptr<net::ssl::context> tls;
  if (options.security.tls) {
    FRESHET_ASSIGN(tls, tls_of(options.security));
  }
  auto connection = std::make_unique<TcpConnection>(host, port, options, std::move(tls));
  FRESHET_TRY(connection->connect(random));
  return connection;
}

}  // namespace freshet::cluster::protocol
