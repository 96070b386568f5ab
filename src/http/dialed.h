// A connection that we open, by Asio: TCP, or TLS around it. What client.h and stream.h have in common; of this folder
// only, so that nobody else compiles Asio for it. One thread uses it.
//
// Each step is an asynchronous operation that runs to its end: Asio has no other way to give it a limit of time.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/assert.h"
#include "base/result.h"
#include "http/address.h"

namespace freshet::http {

class Dialed {
 public:
  using ErrorCode = boost::system::error_code;

  // tls: null for plain. check_host: the certificate must be that host's.
  Dialed(Address address, std::shared_ptr<boost::asio::ssl::context> tls, bool check_host)
      : address_(std::move(address)), tls_context_(std::move(tls)), check_host_(check_host), stream_(io_) {}

  // What runs from now on, until this is called again, ends within that time.
  void limit_time(std::chrono::microseconds limit) {
    limit_ = limit;
    stream_.expires_after(limit);
  }
  // Says which step failed and why. kRetry: nobody answers. kInvalid: the certificate is not to be trusted.
  [[nodiscard]] Status connect();
  // What the other side has sent that nobody has read: bytes, or its end, which a server that closed an idle connection
  // has sent already. Right after the handshake of TLS there are bytes, tickets, which are read with the first answer.
  enum class Unread : uint8_t { kNothing, kBytes, kEnd };
  [[nodiscard]] Unread unread();
  void close() { stream_.close(); }
  [[nodiscard]] bool is_tls() const { return tls_context_ != nullptr; }

  // Calls it with the stream that bytes go through, and with what an operation of Asio is to call when it is done.
  template <class Start>
  ErrorCode run(const Start& start) {
    ErrorCode result = boost::asio::error::would_block;
    const auto done = [&result](const ErrorCode& error, auto&&...) { result = error; };
    tls_ ? start(*tls_, done) : start(stream_, done);
    io_.restart();
    io_.run();
    FRESHET_ASSERT(result != boost::asio::error::would_block);  // run() returns when the operation has called back
    return result;
  }
  // An error of run(), for people.
  [[nodiscard]] std::string text_of(const ErrorCode& error) const;

 private:
  [[nodiscard]] Status shake_hands();
  tl::unexpected<Error> failed(const char* step, const ErrorCode& error);

  const Address address_;
  const std::shared_ptr<boost::asio::ssl::context> tls_context_;
  const bool check_host_;
  std::chrono::microseconds limit_{0};
  boost::asio::io_context io_{1};
  // Bound to what runs it, not to whatever could (worker.h).
  using TcpStream = boost::beast::basic_stream<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
  TcpStream stream_;
  std::optional<boost::asio::ssl::stream<TcpStream&>> tls_;  // around stream_
};

}  // namespace freshet::http
