// The HTTP client of our own commands. It is synchronous to its caller and holds whole bodies in memory: enough for
// talking to our own listeners.
#include "http/client.h"

#include <algorithm>
#include <array>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>

#include "base/assert.h"
#include "http/address.h"
#include "http/dialed.h"
#include "http/tls.h"

namespace freshet::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using ErrorCode = boost::system::error_code;

class BeastClient final : public Client {
 public:
  BeastClient(Url url, const ClientOptions& options, std::shared_ptr<asio::ssl::context> tls)
      : url_(std::move(url)),
        timeout_(options.timeout_s),
        body_bytes_max_(options.body_bytes_max),
        cut_body_(options.cut_body),
        dialed_(url_.address, std::move(tls), true) {
    FRESHET_ASSERT(url_.tls == dialed_.is_tls());
  }

  Status connect();
  Result<Response> send(const Request& request) override;

 private:
  // One step of a request, which has the whole limit of time.
  template <class Start>
  ErrorCode run(const Start& start) {
    dialed_.limit_time(timeout_);
    return dialed_.run(start);
  }
  [[nodiscard]] std::string head_of(const Request& request) const;
  tl::unexpected<Error> broken(const char* step, const ErrorCode& error);

  Url url_;
  std::chrono::seconds timeout_;
  const uint64_t body_bytes_max_;
  const bool cut_body_;
  Dialed dialed_;
  bool has_tickets_ = false;  // of TLS, which nobody has read yet
  beast::flat_buffer buffer_;
};

tl::unexpected<Error> BeastClient::broken(const char* step, const ErrorCode& error) {
  dialed_.close();
  return fail(Code::kRetry, text_of(url_) + ": " + step + ": " + dialed_.text_of(error));
}

Status BeastClient::connect() {
  buffer_.clear();
  has_tickets_ = dialed_.is_tls();
  dialed_.limit_time(timeout_);
  const Status connected = dialed_.connect();
  if (connected) return {};
  const char* const advice = connected.error().code == Code::kInvalid
                                 ? "; an authority of your own is named by --ca, or by SSL_CERT_FILE"
                                 : "";
  return fail(connected.error().code, text_of(url_) + ": " + connected.error().message + advice);
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
  const Dialed::Unread unread = dialed_.unread();
  if (unread == Dialed::Unread::kEnd || (unread == Dialed::Unread::kBytes && !has_tickets_)) {
    dialed_.close();
    FRESHET_TRY(connect());
  }
  const std::string head = head_of(request);
  const std::array<asio::const_buffer, 2> out = {asio::buffer(head), asio::buffer(request.body)};
  const ErrorCode written = run([&](auto& stream, auto done) { asio::async_write(stream, out, done); });
  // A server that refuses a body answers before it has read all of it, so an answer is looked for
  // even if sending failed.
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(body_bytes_max_);
  parser.skip(request.method == "HEAD");
  // The head by itself first: read at once with what follows it, Beast forgets that the body is too large as soon as
  // some of it has come along.
  ErrorCode read = run([&](auto& stream, auto done) { beast::http::async_read_header(stream, buffer_, parser, done); });
  if (!read && !parser.is_done())
    read = run([&](auto& stream, auto done) { beast::http::async_read(stream, buffer_, parser, done); });
  const bool cut = read && cut_body_ && parser.is_header_done();
  if (read && !cut) return written ? broken("send", written) : broken("receive", read);
  has_tickets_ = false;
  Response response = to_response(parser.release());
  if (response.close || written || cut) dialed_.close();
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
