#include "cluster/protocol/connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/big_endian.h"
#include "base/hash.h"
#include "base/text.h"
#include "cluster/protocol/errors.h"
#include "cluster/protocol/scram.h"
#include "http/stream.h"

namespace freshet::cluster::protocol {
namespace {

constexpr size_t kNonceBytes = 18;
constexpr size_t kChunkBytes = 1u << 20;

std::optional<http::StreamTls> tls_of(const Security& security) {
  if (!security.tls) return std::nullopt;
  return http::StreamTls{security.ca_file, security.cert_file, security.key_file, security.key_password,
                         security.check_host};
}

class TcpConnection final : public Connection {
 public:
  TcpConnection(const std::string& host, uint16_t port, const ConnectionOptions& options)
      : Connection(options.client_id),
        address_{host, port},
        name_(fmt::format(fmt::runtime(host.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}"), host, port)),
        options_(options) {}

  Status connect(env::Random& random);
  const std::string& name() const override { return name_; }
  bool is_open() override { return stream_->is_open(); }
  Result<int16_t> version_of(int16_t key, int16_t least, int16_t most) const override;

 private:
  Result<std::string> exchange(int16_t key, const std::string& frame) override;
  tl::unexpected<Error> not_an_answer(int16_t key, const Error& error) override;

  Status learn_versions();
  Status log_in(env::Random& random);
  Status log_in_by_scram(env::Random& random);
  Result<std::string> say(std::string data);
  [[nodiscard]] tl::unexpected<Error> broken(const std::string& step, const Error& error) const {
    return fail(error.code, fmt::format("{}: {}: {}", name_, step, error.message));
  }
  [[nodiscard]] std::string about(int16_t key) const { return fmt::format("{}: {}", name_, key_name(key)); }

  const http::Address address_;
  const std::string name_;
  const ConnectionOptions options_;
  std::unique_ptr<http::Stream> stream_;
  std::vector<ApiVersionsResponse::Range> versions_;  // by key
};

tl::unexpected<Error> TcpConnection::not_an_answer(int16_t key, const Error& error) {
  stream_->close();
  return fail(Code::kCorrupt,
              fmt::format("{}: what it answers is not Kafka's protocol: {}", about(key), error.message));
}

// One limit of time for all of it.
Status TcpConnection::connect(env::Random& random) {
  auto opened = http::Stream::open(address_, tls_of(options_.security), options_.timeout_us);
  if (!opened) {
    const char* const advice = opened.error().code == Code::kInvalid
                                   ? "; ssl.ca.location names the authority, ssl.certificate.location us"
                                   : "";
    return fail(opened.error().code, fmt::format("{}: {}{}", name_, opened.error().message, advice));
  }
  stream_ = std::move(*opened);
  FRESHET_TRY(learn_versions());
  return options_.security.mechanism == Mechanism::kNone ? Status{} : log_in(random);
}

// One limit of time for all steps of a request, so that a broker that sends a byte now and then is too slow, too.
Result<std::string> TcpConnection::exchange(int16_t key, const std::string& frame) {
  stream_->limit_time(options_.timeout_us);
  if (const Status written = stream_->write(frame); !written) return broken(key_name(key), written.error());
  std::array<char, kSizeBytes> head{};
  if (const Status read = stream_->read(head.data(), head.size()); !read) return broken(key_name(key), read.error());
  const auto size = read_big_endian<uint32_t>({head.data(), head.size()});
  if (size < kSizeBytes || size > options_.response_bytes_max)
    return not_an_answer(key, {Code::kCorrupt, fmt::format("it claims to have {} bytes, where {} to {} are allowed",
                                                           size, kSizeBytes, options_.response_bytes_max)});
  // A size is a claim, too: memory follows what arrives.
  std::string answer;
  while (answer.size() < size) {
    const size_t begin = answer.size();
    answer.resize(std::min<size_t>(size, begin + kChunkBytes));
    if (const Status read = stream_->read(answer.data() + begin, answer.size() - begin); !read)
      return broken(fmt::format("{}, in the midst of an answer of {} bytes", key_name(key), size), read.error());
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
                                            joined(answer.mechanisms, ", ")));
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
  auto connection = std::make_unique<TcpConnection>(host, port, options);
  FRESHET_TRY(connection->connect(random));
  return connection;
}

}  // namespace freshet::cluster::protocol
