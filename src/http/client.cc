// The HTTP client of our own commands. It is synchronous to its caller and holds whole bodies in memory: enough for
// talking to our own listeners.
#include "http/client.h"

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <optional>

#include "base/assert.h"
#include "http/address.h"
#include "http/tls.h"

namespace freshet::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using ErrorCode = boost::system::error_code;

// Runs asynchronous operations on an io_context of its own, each to its end: Asio has no other way
// to give them a time limit.
class BeastClient final : public Client {
 public:
  BeastClient(Url url, const ClientOptions& options, std::shared_ptr<asio::ssl::context> tls)
      : url_(std::move(url)),
        timeout_(options.timeout_s),
        body_bytes_max_(options.body_bytes_max),
        cut_body_(options.cut_body),
        tls_context_(std::move(tls)),
        stream_(io_) {
    FRESHET_ASSERT(url_.tls == (tls_context_ != nullptr));
  }

  Status connect();
  Result<Response> send(const Request& request) override;

 private:
  template <class Start>
  ErrorCode run(const Start& start);
  // Calls it with the stream that requests go through.
  template <class Use>
  void with_stream(const Use& use) {
    tls_ ? use(*tls_) : use(stream_);
  }
  Status shake_hands();
  [[nodiscard]] bool is_open();
  [[nodiscard]] std::string head_of(const Request& request) const;
  tl::unexpected<Error> broken(const char* step, const ErrorCode& error);

  Url url_;
  std::chrono::seconds timeout_;
  const uint64_t body_bytes_max_;
  const bool cut_body_;
  std::shared_ptr<asio::ssl::context> tls_context_;  // null: plain
  asio::io_context io_{1};
  beast::tcp_stream stream_;
  std::optional<asio::ssl::stream<beast::tcp_stream&>> tls_;  // around stream_
  bool has_tickets_ = false;                                  // of TLS, which nobody has read yet
  beast::flat_buffer buffer_;
};

template <class Start>
ErrorCode BeastClient::run(const Start& start) {
  ErrorCode result = asio::error::would_block;
  stream_.expires_after(timeout_);
  start([&result](const ErrorCode& error, auto&&...) { result = error; });
  io_.restart();
  io_.run();
  FRESHET_ASSERT(result != asio::error::would_block);  // run() returns when the operation has called back
  return result;
}

tl::unexpected<Error> BeastClient::broken(const char* step, const ErrorCode& error) {
  stream_.close();
  return fail(Code::kRetry, text_of(url_) + ": " + step + ": " + error.message());
}

Status BeastClient::connect() {
  ErrorCode error;
  buffer_.clear();
  asio::ip::tcp::resolver resolver(io_);
  const auto endpoints = resolver.resolve(url_.address.host, std::to_string(url_.address.port), error);
  if (error) return broken("resolve", error);
  error = run([&](auto done) { stream_.async_connect(endpoints, done); });
  if (error) return broken("connect", error);
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), error);
  return tls_context_ == nullptr ? Status{} : shake_hands();
}

Status BeastClient::shake_hands() {
  tls_.emplace(stream_, *tls_context_);
  has_tickets_ = true;
  const std::string& host = url_.address.host;
  tls_->set_verify_callback(asio::ssl::host_name_verification(host));
  // A server of many names is told which one is meant; addresses are no names (RFC 6066, section 3).
  ErrorCode is_name;
  asio::ip::make_address(host, is_name);
  if (is_name) SSL_set_tlsext_host_name(tls_->native_handle(), host.c_str());
  const ErrorCode error = run([&](auto done) { tls_->async_handshake(asio::ssl::stream_base::client, done); });
  if (!error) return {};
  const long verified = SSL_get_verify_result(tls_->native_handle());
  auto failure = broken("TLS", error);
  if (verified == X509_V_OK) return failure;
  return fail(Code::kInvalid, text_of(url_) + ": its certificate is not trusted as that of " + host + ": " +
                                  X509_verify_cert_error_string(verified) +
                                  "; an authority of your own is named by --ca, or by SSL_CERT_FILE");
}

// A server that closed an idle connection has sent its end already, so one byte is peeked at: nothing there means that
// the connection still stands. Right after the handshake of TLS there is something, tickets, and they are read together
// with the first response.
bool BeastClient::is_open() {
  if (!stream_.socket().is_open()) return false;
  if (has_tickets_) return true;
  ErrorCode error;
  char byte = 0;
  stream_.socket().non_blocking(true, error);
  stream_.socket().receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error);
  return error == asio::error::would_block;
}

std::string BeastClient::head_of(const Request& request) const {
  std::string out = request.method + " " + request.path;
  if (!request.query.empty()) out += "?" + request.query;
  out += " HTTP/1.1\r\nHost: ";
  // The brackets around an IPv6 address are part of the Host header (RFC 9110, section 7.2).
  const auto& [host, port] = url_.address;
  out += host.find(':') == std::string::npos ? host : "[" + host + "]";
  out += ":" + std::to_string(port) + "\r\n";
  // A request with a method that may have a body says its length even if that is 0, so no server
  // waits for more.
  if (!request.body.empty() || (request.method != "GET" && request.method != "HEAD"))
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  for (const auto& [name, value] : request.headers) out += name + ": " + value + "\r\n";
  out += "\r\n";
  return out;
}

template <class Message>
Response to_response(Message&& message) {
  Response out;
  out.status = static_cast<int>(message.result_int());
  out.close = !message.keep_alive();
  out.content_type.clear();
  for (const auto& field : message) {
    std::string name(field.name_string().data(), field.name_string().size());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    std::string value(field.value().data(), field.value().size());
    if (name == "content-type") out.content_type = value;
    out.headers.emplace_back(std::move(name), std::move(value));
  }
  out.body = std::move(message.body());
  return out;
}

Result<Response> BeastClient::send(const Request& request) {
  if (!is_open()) {
    stream_.close();
    FRESHET_TRY(connect());
  }
  const std::string head = head_of(request);
  const std::array<asio::const_buffer, 2> out = {asio::buffer(head), asio::buffer(request.body)};
  const ErrorCode written =
      run([&](auto done) { with_stream([&](auto& stream) { asio::async_write(stream, out, done); }); });
  // A server that refuses a body answers before it has read all of it, so an answer is looked for
  // even if sending failed.
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(body_bytes_max_);
  parser.skip(request.method == "HEAD");
  // The head by itself first: read at once with what follows it, Beast forgets that the body is too large as soon as
  // some of it has come along.
  ErrorCode read = run([&](auto done) {
    with_stream([&](auto& stream) { beast::http::async_read_header(stream, buffer_, parser, done); });
  });
  if (!read && !parser.is_done())
    read = run(
        [&](auto done) { with_stream([&](auto& stream) { beast::http::async_read(stream, buffer_, parser, done); }); });
  const bool cut = read && cut_body_ && parser.is_header_done();
  if (read && !cut) return written ? broken("send", written) : broken("receive", read);
  has_tickets_ = false;
  Response response = to_response(parser.release());
  if (response.close || written || cut) stream_.close();
  return response;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(const std::string& url, const ClientOptions& options) {
  auto parsed = parse_url(url);
  if (!parsed) return fail(Code::kInvalid, "address \"" + url + "\" must be http://host:port or https://host:port");
  if (!parsed->tls && !options.ca_file.empty())
    return fail(Code::kInvalid, "address \"" + url + "\" must be https://host:port if there is an authority for it");
  std::shared_ptr<asio::ssl::context> tls;
  if (parsed->tls) {
    FRESHET_ASSIGN(tls, client_tls(options.ca_file));
  }
  auto client = std::make_unique<BeastClient>(std::move(*parsed), options, std::move(tls));
  FRESHET_TRY(client->connect());
  return client;
}

}  // namespace freshet::http
