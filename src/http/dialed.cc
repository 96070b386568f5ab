#include "http/dialed.h"

#include <fmt/core.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

namespace freshet::http {

namespace asio = boost::asio;

std::string Dialed::text_of(const ErrorCode& error) const {
  if (error == boost::beast::error::timeout)
    return fmt::format("no answer within {} s", std::chrono::duration_cast<std::chrono::seconds>(limit_).count());
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated)
    return "the other side closed the connection";
  return error.message();
}

tl::unexpected<Error> Dialed::failed(const char* step, const ErrorCode& error) {
  close();
  return fail(Code::kRetry, fmt::format("{}: {}", step, text_of(error)));
}

Status Dialed::connect() {
  tls_.reset();
  ErrorCode error;
  asio::ip::tcp::resolver resolver(io_);
  const auto endpoints = resolver.resolve(address_.host, std::to_string(address_.port), error);
  if (error) return failed("resolve", error);
  error = run([&](auto&, auto done) { stream_.async_connect(endpoints, done); });
  if (error) return failed("connect", error);
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), error);
  return is_tls() ? shake_hands() : Status{};
}

Status Dialed::shake_hands() {
  tls_.emplace(stream_, *tls_context_);
  const std::string& host = address_.host;
  if (check_host_) tls_->set_verify_callback(asio::ssl::host_name_verification(host));
  // A server of many names is told which one is meant; addresses are no names (RFC 6066, section 3).
  ErrorCode is_name;
  asio::ip::make_address(host, is_name);
  if (is_name) SSL_set_tlsext_host_name(tls_->native_handle(), host.c_str());
  const ErrorCode error = run([&](auto&, auto done) { tls_->async_handshake(asio::ssl::stream_base::client, done); });
  if (!error) return {};
  const long verified = SSL_get_verify_result(tls_->native_handle());
  auto failure = failed("TLS", error);
  if (verified == X509_V_OK) return failure;
  return fail(Code::kInvalid, fmt::format("its certificate is not trusted as that of {}: {}", host,
                                          X509_verify_cert_error_string(verified)));
}

// A byte is peeked at, and stays where it is.
Dialed::Unread Dialed::unread() {
  if (!stream_.socket().is_open()) return Unread::kEnd;
  ErrorCode error;
  char byte = 0;
  stream_.socket().non_blocking(true, error);
  stream_.socket().receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, error);
  if (!error) return Unread::kBytes;
  return error == asio::error::would_block ? Unread::kNothing : Unread::kEnd;
}

}  // namespace freshet::http
