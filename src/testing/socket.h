// For tests: a plain socket that says exactly what it is told, and a server of a small handler.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <string>
#include <utility>

#include "http/server.h"

namespace freshet::http {

class TestSocket {
 public:
  // `from`: an address of this machine, as all of 127.0.0.0/8 are.
  explicit TestSocket(uint16_t port, const char* from = "127.0.0.1") {
    socket_.open(boost::asio::ip::tcp::v4());
    socket_.bind({boost::asio::ip::make_address(from), 0});
    socket_.connect({boost::asio::ip::address_v4::loopback(), port}, error_);
    EXPECT_FALSE(error_) << error_.message();
  }

  TestSocket& send(std::string_view bytes) {
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()), error_);
    return *this;
  }
  TestSocket& end_sending() {
    socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, error_);
    return *this;
  }
  // All until the server closes.
  std::string read_all() {
    boost::asio::read(socket_, boost::asio::dynamic_buffer(received_), error_);
    return std::exchange(received_, "");
  }
  // All up to the end of `text`; less if the server closes.
  std::string read_until(std::string_view text) {
    const size_t n =
        boost::asio::read_until(socket_, boost::asio::dynamic_buffer(received_), std::string(text), error_);
    std::string out = received_.substr(0, error_ ? received_.size() : n);
    received_.erase(0, out.size());
    return out;
  }
  // Bytes that have arrived and were not read.
  [[nodiscard]] size_t arrived() { return received_.size() + socket_.available(error_); }
  [[nodiscard]] const boost::system::error_code& error() const { return error_; }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_{io_};
  boost::system::error_code error_;
  std::string received_;
};

inline ServerOptions test_options() {
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  return options;
}

// "METHOD PATH?QUERY [BODY]"
inline Response echo(const Request& request) {
  Response response;
  response.content_type = "text/plain";
  response.body = request.method + " " + request.path + "?" + request.query + " [" + request.body + "]";
  return response;
}

inline std::unique_ptr<Server> start_echo(const ServerOptions& options) {
  auto server = Server::start(options, [](const Request& request, const Respond& respond) { respond(echo(request)); });
  EXPECT_TRUE(server.has_value()) << (server ? "" : server.error().message);
  return server ? std::move(*server) : nullptr;
}

}  // namespace freshet::http
