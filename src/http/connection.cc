// The life of a connection as a chain of asynchronous steps. Each step keeps the connection alive
// by a shared pointer in its callback; state_ says which step is under way, and a callback that
// comes after close() finds kClosed. Limits are enforced where bytes come in: the parser's for
// headers and bodies, the deadline for time.

#include "http/connection.h"

#include <algorithm>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <tuple>

#include "base/assert.h"
#include "http/request_head.h"
#include "http/responder.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::http {
namespace {

namespace asio = boost::asio;
namespace bhttp = boost::beast::http;

// Larger bodies are read straight into their string.
constexpr size_t kReadBytes = 8 << 10;
// Of a request that is refused by its header.
constexpr uint64_t kPassedOverBytesMax = 16 << 10;
// Of line ends in front of a request: more are no courtesy.
constexpr size_t kLineEndBytesMax = 8;
// What an idle TLS connection has ready; TLS has buffers of its own, which can't be waited for without one of ours.
constexpr size_t kIdleReadBytes = 128;
// How much a body has of what has come (IncomingBody): more for those who are trusted means fewer reads.
constexpr uint64_t kGrowth = 8;
constexpr uint64_t kStrangersGrowth = 2;
// How long a peer may take to read our last words.
constexpr uint32_t kLingerSeconds = 2;

void count_response(int status) {
  static const auto counter_of = [](const char* status_class) -> telemetry::Counter& {
    return telemetry::counter("freshet_http_responses_total", "Responses sent, by class of status.",
                              {{"status", status_class}});
  };
  static telemetry::Counter* const counters[] = {&counter_of("1xx"), &counter_of("2xx"), &counter_of("3xx"),
                                                 &counter_of("4xx"), &counter_of("5xx")};
  counters[std::clamp(status / 100, 1, 5) - 1]->add();
}

// The tick after so many seconds.
uint64_t in_seconds(const Worker& worker, uint32_t seconds) {
  return worker.ticks() + 1 + uint64_t{seconds} * kTicksPerSecond;
}

// The judgement of somebody else's function.
HeaderVerdict judge(Shared& shared, const Request& head) {
  const ServerOptions& options = shared.options;
  HeaderVerdict verdict{.refuse = {}, .body_bytes_max = options.body_bytes_max, .trusted = true};
  try {
    if (options.on_header) verdict = options.on_header(head);
  } catch (const std::exception& e) {
    log::error("http: a judge of headers threw: {}; this is a bug, please report it", e.what());
    verdict.refuse = error_response(500, "internal", "the request was not done");
  }
  const SharedBodyBudget& budget = verdict.bodies ? *verdict.bodies : shared.budget(verdict.trusted);
  const uint64_t most = std::min<uint64_t>(options.body_bytes_max, budget.of_an_address());
  verdict.body_bytes_max = std::min<uint64_t>(verdict.body_bytes_max, most);
  return verdict;
}

Response busy(std::string_view message) {
  Response response = error_response(503, "busy", message);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

// For a body that finds no memory.
Response no_room(const ServerOptions& options, bool trusted, const BodyLease& body) {
  const bool by_address = body.found_its_part_full();
  telemetry::counter(
      "freshet_http_bodies_refused_total",
      "Requests refused because the bodies under way have taken all the memory there is for them.",
      {{"listener", options.name}, {"trusted", trusted ? "yes" : "no"}, {"limit", by_address ? "address" : "all"}})
      .add();
  return busy(by_address ? "too many requests of this address are under way: try again later"
                         : "too many requests are under way: try again later");
}

Socket& socket_of(Socket& stream) { return stream; }
Socket& socket_of(TlsStream& stream) { return stream.next_layer(); }

// How many bytes in front are line ends. Some send one behind a body, which belongs to nothing (RFC 9112, section 2.2).
size_t line_end_bytes(const asio::const_buffer& buffer, size_t most) {
  const std::string_view bytes(static_cast<const char*>(buffer.data()), std::min(buffer.size(), most));
  return std::min(bytes.find_first_not_of("\r\n"), bytes.size());
}

// A peer that has gone already has no address any more.
std::string address_of(const Socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string() : endpoint.address().to_string();
}

}  // namespace

template <class Stream>
Connection<Stream>::Connection(const std::shared_ptr<Worker>& worker, std::shared_ptr<Seat> seat, Stream stream)
    : worker_(worker.get()),
      worker_handle_(worker),
      seat_(std::move(seat)),
      stream_(std::move(stream)),
      buffer_(worker->shared().options.header_bytes_max + kReadBytes) {
  remote_ = address_of(socket_of(stream_));
}

template <class Stream>
void Connection<Stream>::start() {
  if (worker_->stopping()) return close();
  seat_->dispensable(worker_->ticks(), false);
  // Answers are written whole, so Nagle's algorithm would only hold the last packet back.
  ErrorCode ignored;
  socket_of(stream_).set_option(asio::ip::tcp::no_delay(true), ignored);
  if constexpr (std::is_same_v<Stream, Socket>) {
    await_request();
  } else {
    deadline_ = in_seconds(*worker_, worker_->shared().options.request_timeout_s);
    // A handshake is the dearest that a stranger can have, so it begins when there is something to answer.
    socket_of(stream_).async_wait(Socket::wait_read, [self = this->shared_from_this()](const ErrorCode& error) {
      if (error || self->state_ == State::kClosed) return self->close();
      self->worker_->line_up(self->seat_->address(), self);
    });
  }
}

template <class Stream>
void Connection<Stream>::start_refused() {
  // A handshake costs much CPU, so a connection that is one too many gets none and is closed.
  if constexpr (std::is_same_v<Stream, Socket>) {
    write(busy("too many connections: try again later"), false);
  } else {
    close();
  }
}

template <class Stream>
void Connection<Stream>::await_request() {
  FRESHET_ASSERT(state_ != State::kHandling && state_ != State::kClosed);
  if (worker_->stopping()) return close();
  state_ = State::kIdle;
  const ServerOptions& options = worker_->shared().options;
  deadline_ = in_seconds(*worker_, requests_ == 0 ? options.request_timeout_s : options.idle_timeout_s);
  // A client may have sent its next request already (pipelining).
  if (buffer_.size() > 0) return begin_request();
  // There may be thousands that wait, so they hold no memory meanwhile.
  parser_.reset();
  buffer_.shrink_to_fit();
  if constexpr (std::is_same_v<Stream, Socket>) {
    stream_.async_wait(Socket::wait_read, [self = this->shared_from_this()](const ErrorCode& error) {
      if (error || self->state_ == State::kClosed) return self->close();
      self->read_first(kReadBytes);
    });
  } else {
    read_first(kIdleReadBytes);
  }
}

template <class Stream>
void Connection<Stream>::read_first(size_t bytes_max) {
  stream_.async_read_some(buffer_.prepare(bytes_max),
                          [self = this->shared_from_this()](const ErrorCode& error, size_t bytes) {
                            if (error || self->state_ == State::kClosed) return self->close();
                            self->buffer_.commit(bytes);
                            self->begin_request();
                          });
}

template <class Stream>
void Connection<Stream>::begin_request() {
  FRESHET_ASSERT(state_ == State::kIdle);  // one request at a time
  if (is_proved_) return take_turn();
  worker_->line_up(seat_->address(), this->shared_from_this());
}

template <class Stream>
void Connection<Stream>::take_turn() {
  if (state_ == State::kClosed) return;
  const ServerOptions& options = worker_->shared().options;
  if (state_ == State::kHandshake) {
    if constexpr (!std::is_same_v<Stream, Socket>) {
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](const ErrorCode& error) {
                                if (error || self->state_ == State::kClosed) return self->close();
                                self->await_request();
                              });
    }
    return;
  }
  state_ = State::kReading;
  deadline_ = in_seconds(*worker_, options.request_timeout_s);
  parser_.emplace();
  verdict_ = {};
  parser_->header_limit(static_cast<uint32_t>(options.header_bytes_max));
  parser_->body_limit(options.body_bytes_max);
  body_ = IncomingBody();
  is_head_ = false;
  parse();
}

template <class Stream>
void Connection<Stream>::parse() {
  if (!parser_->got_some()) {
    const size_t skipped = line_end_bytes(buffer_.data(), kLineEndBytesMax - line_end_bytes_);
    line_end_bytes_ += skipped;
    buffer_.consume(skipped);
    if (buffer_.size() == 0) return await_request();
  }
  while (buffer_.size() > 0) {
    const bool in_header = !parser_->is_header_done();
    // The parser takes as much as it can use and leaves the rest for the next call.
    ErrorCode error;
    const size_t used = parser_->put(buffer_.data(), error);
    buffer_.consume(used);
    if (error == bhttp::error::need_more) break;
    if (error) return refuse(error);
    if (in_header && parser_->is_header_done()) return on_header();
    if (!in_header && !chunks_.grow_to(parser_->get().body().capacity()))
      return write(no_room(worker_->shared().options, verdict_.trusted, chunks_), false);
    if (parser_->is_done()) return handle_or_hold();
    if (used == 0) break;
  }
  read_more();
}

template <class Stream>
void Connection<Stream>::read_more() {
  FRESHET_ASSERT(state_ == State::kReading);
  const size_t room = buffer_.max_size() - buffer_.size();
  if (room == 0) return refuse(bhttp::error::header_limit);
  stream_.async_read_some(buffer_.prepare(std::min(room, kReadBytes)),
                          [self = this->shared_from_this()](const ErrorCode& error, size_t bytes) {
                            // The bytes may have been read before the connection was closed, and
                            // this been called after it.
                            if (self->state_ == State::kClosed) return;
                            if (error) return self->refuse(error);
                            self->buffer_.commit(bytes);
                            self->parse();
                          });
}

template <class Stream>
void Connection<Stream>::on_header() {
  const auto& message = parser_->get();
  is_head_ = message.method() == bhttp::verb::head;
  if (const std::string_view fault = fault_of(message); !fault.empty())
    return write(error_response(400, "bad_request", fault), false);
  request_ = to_request(message, remote_);
  if (!is_admitted()) return;
  if (!parser_->chunked() && parser_->content_length().value_or(0) == 0) return handle_or_hold();
  // curl and others ask before they send a large body, and wait a second if nobody answers.
  const bool expects = message.version() >= 11 && boost::beast::iequals(message[bhttp::field::expect], "100-continue");
  if (!expects || buffer_.size() > 0) return begin_body();
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = this->shared_from_this()](const ErrorCode& error, size_t) {
                      if (self->state_ == State::kClosed) return;
                      if (error) return self->refuse(error);
                      self->begin_body();
                    });
}

template <class Stream>
bool Connection<Stream>::is_admitted() {
  verdict_ = judge(worker_->shared(), request_);
  if (verdict_.trusted && !verdict_.refuse) {
    is_proved_ = true;
    seat_->dispensable(worker_->ticks(), is_proved_);
  }
  const uint64_t size = parser_->content_length().value_or(0);
  if (verdict_.refuse) {
    // A small body is read and passed over: a new connection would cost more, and a client that is still writing might
    // never see the answer. (Whoever expects "100 Continue" has not begun to write.)
    const bool expects = parser_->get().find(bhttp::field::expect) != parser_->get().end();
    const uint64_t most = std::min<uint64_t>(kPassedOverBytesMax, verdict_.body_bytes_max);
    if (size > 0 && size <= most && !expects) return true;
    // What is not read would be taken for the next request, so the connection ends with the answer.
    const bool has_body = parser_->chunked() || size > 0;
    const bool keep_alive = !has_body && parser_->get().keep_alive() && !verdict_.refuse->close && !worker_->stopping();
    write(std::move(*verdict_.refuse), keep_alive);
    return false;
  }
  if (size > verdict_.body_bytes_max) {
    refuse(bhttp::error::body_limit);
    return false;
  }
  parser_->body_limit(verdict_.body_bytes_max);
  return true;
}

template <class Stream>
void Connection<Stream>::begin_body() {
  std::shared_ptr<BodyBudget> own;
  if (verdict_.bodies) own = verdict_.bodies->part_of(seat_->address());
  std::shared_ptr<BodyBudget>& usual = verdict_.trusted ? trusted_bodies_ : strangers_bodies_;
  if (!own && !usual) usual = worker_->shared().budget(verdict_.trusted).part_of(seat_->address());
  BodyLease lease(own ? std::move(own) : usual);
  if (parser_->chunked()) {
    chunks_ = std::move(lease);
    return parse();
  }
  const uint64_t size = *parser_->content_length();
  FRESHET_ASSERT(size <= verdict_.body_bytes_max);
  body_ = IncomingBody(std::move(lease), size, verdict_.trusted ? kGrowth : kStrangersGrowth);
  while (buffer_.size() > 0 && body_.make_room(buffer_.size()) && !body_.is_whole())
    buffer_.consume(body_.take({static_cast<const char*>(buffer_.data().data()), buffer_.size()}));
  if (!body_.is_whole()) buffer_.shrink_to_fit();  // it may be long until there is something to read again
  read_body();
}

template <class Stream>
void Connection<Stream>::read_body() {
  if (body_.is_whole()) return handle_or_hold();
  if (!body_.make_room()) return write(no_room(worker_->shared().options, verdict_.trusted, body_.lease()), false);
  stream_.async_read_some(body_.room(), [self = this->shared_from_this()](const ErrorCode& error, size_t bytes) {
    if (self->state_ == State::kClosed) return;
    if (error) return self->refuse(error);
    self->body_.filled(bytes);
    self->read_body();
  });
}

template <class Stream>
void Connection<Stream>::handle_or_hold() {
  FRESHET_ASSERT(state_ == State::kReading);
  const ServerOptions& options = worker_->shared().options;
  seat_->busy();
  if (verdict_.refuse) {
    const bool keep_alive = parser_->get().keep_alive() && !verdict_.refuse->close && !worker_->stopping();
    return write(std::move(*std::exchange(verdict_.refuse, std::nullopt)), keep_alive);
  }
  if (verdict_.never_held || !options.holds_back || !options.holds_back()) return handle();
  state_ = State::kHeld;
  // on_tick() goes on with it, at the latest at this deadline.
  deadline_ = worker_->ticks() + options.hold_ms * uint64_t{kTicksPerSecond} / 1000;
}

template <class Stream>
void Connection<Stream>::handle() {
  FRESHET_ASSERT(state_ == State::kReading || state_ == State::kHeld);
  state_ = State::kHandling;
  line_end_bytes_ = 0;
  // The handler has its own bounds of time; a response that took long is still worth sending.
  deadline_ = UINT64_MAX;
  Request request = std::move(request_);
  request.judged = std::move(verdict_.found);
  BodyLease lease = std::move(chunks_);
  if (parser_->chunked()) {
    request.body = std::move(parser_->get().body());
  } else {
    std::tie(request.body, lease) = body_.release();
  }
  auto responder = std::make_shared<Responder>(worker_handle_, seat_->connection(), ++requests_, std::move(lease));
  try {
    worker_->shared().handler(std::move(request),
                              [responder](Response response) { responder->send(std::move(response)); });
  } catch (const std::exception& e) {
    // The responder answers 500 when its last copy goes.
    log::error("http: a handler threw: {}; this is a bug, please report it", e.what());
  }
}

template <class Stream>
void Connection<Stream>::respond(uint64_t request, Response response) {
  // The connection may have been closed while the handler worked, so a response without a request
  // is no error.
  if (state_ != State::kHandling || request != requests_) return;
  const bool keep_alive = parser_->get().keep_alive() && !response.close && !worker_->stopping();
  write(std::move(response), keep_alive);
}

template <class Stream>
void Connection<Stream>::write(Response response, bool keep_alive) {
  FRESHET_ASSERT(state_ != State::kWriting && state_ != State::kClosed);
  state_ = State::kWriting;
  seat_->dispensable(worker_->ticks(), is_proved_);  // whoever does not read its answer must not stay for that
  body_ = IncomingBody();
  chunks_ = BodyLease();
  deadline_ = in_seconds(*worker_, worker_->shared().options.request_timeout_s);
  count_response(response.status);
  response_ = std::move(response);
  const bool is_1_0 = parser_ && parser_->is_header_done() && parser_->get().version() < 11;
  head_ = response_head(response_, {is_1_0, keep_alive});
  // A response to HEAD says how long the body would be and does not send it (RFC 9110, section
  // 9.3.2).
  const bool has_body = status_has_body(response_.status) && !is_head_;
  const std::array<asio::const_buffer, 2> out = {
      asio::buffer(head_), asio::buffer(response_.body.data(), has_body ? response_.body.size() : 0)};
  asio::async_write(stream_, out, [self = this->shared_from_this(), keep_alive](const ErrorCode& error, size_t) {
    self->on_written(error, keep_alive);
  });
}

template <class Stream>
void Connection<Stream>::on_written(const ErrorCode& error, bool keep_alive) {
  if (error || state_ == State::kClosed) return close();
  FRESHET_ASSERT(state_ == State::kWriting);
  response_ = Response();
  if (keep_alive) return await_request();
  linger();
}

// Bytes that are no HTTP and limits that were passed are answered, so that the sender learns what
// is wrong; a broken connection is only closed.
template <class Stream>
void Connection<Stream>::refuse(const ErrorCode& error) {
  if (state_ == State::kClosed) return;
  const ServerOptions& options = worker_->shared().options;
  if (timed_out_) {
    return write(
        error_response(408, "timeout",
                       "the request did not arrive whole within " + std::to_string(options.request_timeout_s) + " s"),
        false);
  }
  if (error == bhttp::error::body_limit) {
    // The parser itself refuses what nobody may send, before there is a verdict.
    const size_t most = std::min(verdict_.body_bytes_max, options.body_bytes_max);
    return write(
        error_response(413, "too_large", "a body may have " + std::to_string(most) + " bytes: send less at once"),
        false);
  }
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
    return write(error_response(431, "headers_too_large",
                                "address and headers may have " + std::to_string(options.header_bytes_max) + " bytes"),
                 false);
  }
  if (error.category() == bhttp::make_error_code(bhttp::error::need_more).category())
    return write(error_response(400, "bad_request", "not HTTP/1.1: " + error.message()), false);
  if (error == asio::error::eof) return write(error_response(400, "bad_request", "the request ends too early"), false);
  close();
}

template <class Stream>
void Connection<Stream>::linger() {
  state_ = State::kLingering;
  parser_.reset();
  deadline_ = in_seconds(*worker_, worker_->stopping() ? 0 : kLingerSeconds);
  if constexpr (std::is_same_v<Stream, Socket>) {
    ErrorCode ignored;
    socket_of(stream_).shutdown(Socket::shutdown_send, ignored);
    discard();
  } else {
    stream_.async_shutdown([self = this->shared_from_this()](const ErrorCode&) {
      ErrorCode ignored;
      socket_of(self->stream_).shutdown(Socket::shutdown_send, ignored);
      self->discard();
    });
  }
}

// Reads and forgets what the peer still sends. Closing with unread bytes would reset the
// connection, and the peer might never read our answer.
template <class Stream>
void Connection<Stream>::discard() {
  if (state_ == State::kClosed) return;
  buffer_.clear();
  socket_of(stream_).async_read_some(buffer_.prepare(kReadBytes),
                                     [self = this->shared_from_this()](const ErrorCode& error, size_t) {
                                       if (error) return self->close();
                                       self->discard();
                                     });
}

template <class Stream>
void Connection<Stream>::on_tick(uint64_t now) {
  if (state_ == State::kHeld && (now >= deadline_ || !worker_->shared().options.holds_back())) return handle();
  if (now < deadline_) return;
  if (state_ != State::kReading || timed_out_) return close();
  // The peer gets a while for reading the answer, and no more patience after that.
  timed_out_ = true;
  deadline_ = in_seconds(*worker_, kLingerSeconds);
  ErrorCode ignored;
  socket_of(stream_).cancel(ignored);
}

template <class Stream>
void Connection<Stream>::close_if_idle() {
  if (state_ == State::kIdle || state_ == State::kHandshake || state_ == State::kLingering) close();
}

template <class Stream>
void Connection<Stream>::evict() {
  if (state_ == State::kHeld || state_ == State::kHandling) return worker_->shared().seats.stays(*seat_);
  close();
}

template <class Stream>
void Connection<Stream>::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  ErrorCode ignored;
  socket_of(stream_).close(ignored);
  worker_->remove(seat_->connection());
}

template class Connection<Socket>;
template class Connection<TlsStream>;

}  // namespace freshet::http
