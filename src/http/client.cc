// The HTTP client of our own commands. It is synchronous to its caller, plain HTTP only, and holds
// whole bodies in memory: enough for talking to our own listeners.
#include "http/client.h"

#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
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

namespace freshet::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using ErrorCode = boost::system::error_code;

// A bound against a server that never stops sending.
constexpr uint64_t kResponseBytesMax = 256u << 20;

// Runs asynchronous operations on an io_context of its own, each to its end: Asio has no other way
// to give them a time limit.
class BeastClient final : public Client {
 public:
  BeastClient(Address address, uint32_t timeout_s) : address_(std::move(address)), timeout_(timeout_s), stream_(io_) {}

  Status connect();
  Result<Response> send(const Request& request) override;

 private:
  template <class Start>
  ErrorCode run(const Start& start);
  [[nodiscard]] bool is_open();
  [[nodiscard]] std::string head_of(const Request& request) const;
  tl::unexpected<Error> broken(const char* step, const ErrorCode& error);

  Address address_;
  std::chrono::seconds timeout_;
  asio::io_context io_{1};
  beast::tcp_stream stream_;
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
  return fail(Code::kRetry,
              "http://" + address_.host + ":" + std::to_string(address_.port) + ": " + step + ": " + error.message());
}

Status BeastClient::connect() {
  ErrorCode error;
  buffer_.clear();
  asio::ip::tcp::resolver resolver(io_);
  const auto endpoints = resolver.resolve(address_.host, std::to_string(address_.port), error);
  if (error) return broken("resolve", error);
  error = run([&](auto done) { stream_.async_connect(endpoints, done); });
  if (error) return broken("connect", error);
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), error);
  return {};
}

// A server that closed an idle connection has sent its end already, so one byte is peeked at:
// nothing there means that the connection still stands.
bool BeastClient::is_open() {
  if (!stream_.socket().is_open()) return false;
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
  out += address_.host.find(':') == std::string::npos ? address_.host : "[" + address_.host + "]";
  out += ":" + std::to_string(address_.port) + "\r\n";
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
  const ErrorCode written = run([&](auto done) { asio::async_write(stream_, out, done); });
  // A server that refuses a body answers before it has read all of it, so an answer is looked for
  // even if sending failed.
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(kResponseBytesMax);
  parser.skip(request.method == "HEAD");
  const ErrorCode read = run([&](auto done) { beast::http::async_read(stream_, buffer_, parser, done); });
  if (read) return written ? broken("send", written) : broken("receive", read);
  Response response = to_response(parser.release());
  if (response.close || written) stream_.close();
  return response;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(const std::string& url, uint32_t timeout_s) {
  auto parsed = parse_plain_url(url);
  if (!parsed) return fail(Code::kInvalid, "address \"" + url + "\" must be http://host:port");
  auto client = std::make_unique<BeastClient>(std::move(*parsed), timeout_s);
  FRESHET_TRY(client->connect());
  return client;
}

}  // namespace freshet::http
