// One keep-alive HTTP connection with at most one request on its way. A request that was not taken
// (429, 503, a broken connection) is sent again, the same bytes, until it is taken; its latency
// counts from when it was due. One thread uses it.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/body.h"
#include "common/zipf.h"
#include "load/plan.h"

namespace freshet::bench {

// What all connections of a run share.
struct LoadRun {
  const LoadOptions& options;
  env::Clock& clock;
  Plan& plan;
  LoadResult& result;
  const Zipf& zipf;
  boost::asio::ip::tcp::endpoint server;
  std::shared_ptr<boost::asio::ssl::context> tls;  // null: there is none
  std::string run_id;
};

// What is needed of an answer's head.
struct ResponseHead {
  int status = 0;
  size_t head_bytes = 0;
  size_t body_bytes = 0;
  double retry_after_s = 0;
  bool close = false;
};
// nullopt: it is not whole yet. With status 0 it is not HTTP/1.1 with a Content-Length.
[[nodiscard]] std::optional<ResponseHead> parse_head(std::string_view text);

// It calls itself from callback to callback until the plan has no more requests for it.
class Connection {
 public:
  // `number` is unique in the run and seeds the users that the connection names.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> make(boost::asio::io_context& io, const LoadRun& run,
                                                                uint64_t number);
  // Connects and sends; from then on everything happens in the io_context's thread.
  void start();

 private:
  Connection(boost::asio::io_context& io, const LoadRun& run, uint64_t number);

  // Each of these ends in the next step, or in again().
  void connect();
  void shake_hands();
  void connected();
  void take_next();
  void fill(const Due& due);
  void send();
  void receive();
  void answered(const ResponseHead& head);
  void again(double after_s);

  const LoadRun& run_;
  Numbers numbers_;
  // Calls use() with what is written to and read from.
  template <class Use>
  void with_stream(const Use& use) {
    tls_ ? use(*tls_) : use(socket_);
  }

  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;  // of one connection
  // The request line and headers; only their last line changes.
  boost::asio::steady_timer timer_;
  std::string head_;
  std::vector<Body> bodies_;  // these are used in turn
  size_t body_ = 0;           // which of them is under way
  std::array<char, 8192> buffer_{};
  size_t received_ = 0;
  Due due_;
  bool pending_ = false;  // due_ has no answer yet
  bool open_ = false;
  double pause_s_ = 0;  // the last pause before sending again
};

}  // namespace freshet::bench
