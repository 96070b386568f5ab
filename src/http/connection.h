// One connection: it reads a request, hands it on, writes the response and reads the next.
// Pipelined requests wait in the buffer, so at most one is under way. It is instantiated in
// connection.cc for TCP and TLS. Everything runs on the worker's thread.
#pragma once

#include <array>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "http/incoming_body.h"
#include "http/response.h"
#include "http/worker.h"

namespace freshet::http {

using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
using TlsStream = boost::asio::ssl::stream<Socket>;

template <class Stream>
class Connection final : public AnyConnection, public std::enable_shared_from_this<Connection<Stream>> {
 public:
  // `worker` outlives the connection's handlers, because it runs them.
  Connection(const std::shared_ptr<Worker>& worker, std::shared_ptr<Seat> seat, Stream stream);

  void start() override;
  void start_refused() override;
  void respond(uint64_t request, Response response) override;
  void on_tick(uint64_t now) override;
  void take_turn() override;
  void close_if_idle() override;
  void evict() override;
  void close() override;

 private:
  using ErrorCode = boost::system::error_code;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  // kHeld waits because the stages behind are behind; kHandling waits for the handler's response;
  // kLingering has answered for the last time and waits for the peer to close.
  enum class State : uint8_t { kHandshake, kIdle, kReading, kHeld, kHandling, kWriting, kLingering, kClosed };

  void await_request();
  // Reads the first bytes of a request.
  void read_first(size_t bytes_max);
  // The first bytes are there: who has not proved itself waits for its turn with what follows.
  void begin_request();
  // Feeds the parser with what is in the buffer.
  void parse();
  // Reads more bytes, then parses.
  void read_more();
  void on_header();
  // Whether the request may go on; otherwise it has been answered.
  bool is_admitted();
  void begin_body();
  void read_body();
  void handle_or_hold();
  void handle();
  void write(Response response, bool keep_alive);
  void on_written(const ErrorCode& error, bool keep_alive);
  // Answers an error of the parser or the network, as far as there is somebody to answer.
  void refuse(const ErrorCode& error);
  // Says that we send nothing more, and waits for the peer to close too.
  void linger();
  void discard();

  Worker* worker_;
  // For responses, which may come when the server is gone.
  std::weak_ptr<Worker> worker_handle_;
  std::shared_ptr<Seat> seat_;
  Stream stream_;
  std::string remote_;
  State state_ = State::kHandshake;
  uint64_t deadline_ = UINT64_MAX;  // a tick of the worker
  uint64_t requests_ = 0;           // handed to the handler so far; the number of the one under way
  bool timed_out_ = false;
  bool is_head_ = false;
  size_t line_end_bytes_ = 0;  // passed over in front of the next request
  bool is_proved_ = false;     // a request of it was trusted
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::shared_ptr<BodyBudget> trusted_bodies_, strangers_bodies_;  // its address's parts; null: not used yet
  Request request_;                                                // the one under way, without its body
  HeaderVerdict verdict_;                                          // on request_
  IncomingBody body_;                                              // of announced length
  BodyLease chunks_;                                               // of a chunked body, which is in the parser
  std::string head_;                                               // of the response that is being written
  Response response_;
};

}  // namespace freshet::http
