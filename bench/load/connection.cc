#include "load/connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <charconv>

#include "base/assert.h"
#include "base/base64.h"

namespace freshet::bench {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr size_t kBodies = 4;  // different bodies of a connection
constexpr double kPauseMinS = 0.01;
constexpr double kPauseMaxS = 1;
constexpr double kRetryAfterMaxS = 5;

bool same_name(std::string_view a, std::string_view lower_case) {
  return std::ranges::equal(a, lower_case,
                            [](char x, char y) { return std::tolower(static_cast<unsigned char>(x)) == y; });
}

template <class T>
bool read_number(std::string_view text, T& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{};
}

// Only the headers that decide what is done next are read.
void read_header(std::string_view line, ResponseHead& head, bool& sized) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  const std::string_view name = line.substr(0, colon);
  if (same_name(name, "content-length")) sized = read_number(value, head.body_bytes);
  if (same_name(name, "retry-after") && !read_number(value, head.retry_after_s)) head.retry_after_s = 1;
  if (same_name(name, "connection") && same_name(value, "close")) head.close = true;
}

}  // namespace

// A parser of our own, because the load generator must cost little beside what it measures.
std::optional<ResponseHead> parse_head(std::string_view text) {
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  ResponseHead head;
  head.head_bytes = end + 4;
  int status = 0;
  const bool http = text.starts_with("HTTP/1.") && text.size() > 12 && read_number(text.substr(9, 3), status);
  bool sized = status == 204;
  size_t at = text.find("\r\n") + 2;
  while (at < end) {
    const size_t line_end = text.find("\r\n", at);
    read_header(text.substr(at, line_end - at), head, sized);
    at = line_end + 2;
  }
  head.status = http && sized ? status : 0;
  return head;
}

// Each connection has a seed of its own, so that the connections don't all name the same users in
// the same order.
Connection::Connection(asio::io_context& io, const LoadRun& run, uint64_t number)
    : run_(run), numbers_(run.options.seed * 1'000'003 + number), socket_(io), timer_(io) {}

Result<std::unique_ptr<Connection>> Connection::make(asio::io_context& io, const LoadRun& run, uint64_t number) {
  auto connection = std::unique_ptr<Connection>(new Connection(io, run, number));
  const LoadOptions& options = run.options;
  for (size_t i = 0; i < kBodies; ++i) {
    auto body = Body::make({.batch = options.batch,
                            .event_bytes = options.event_bytes,
                            .identify_share = options.identify,
                            .merge_share = options.merges,
                            .seed = connection->numbers_.next()});
    if (!body) return tl::unexpected<Error>(body.error());
    connection->bodies_.push_back(std::move(*body));
  }
  return connection;
}

void Connection::start() { connect(); }

void Connection::connect() {
  open_ = false;
  error_code ignored;
  socket_.close(ignored);
  socket_.async_connect(run_.server, [this](error_code error) {
    if (error) return again(0);
    socket_.set_option(asio::ip::tcp::no_delay(true), error);
    run_.tls != nullptr ? shake_hands() : connected();
  });
}

void Connection::shake_hands() {
  tls_.emplace(socket_, *run_.tls);
  tls_->set_verify_callback(asio::ssl::host_name_verification(run_.options.host));
  tls_->async_handshake(asio::ssl::stream_base::client, [this](error_code error) { error ? again(0) : connected(); });
}

// What was not answered before the connection broke is sent first.
void Connection::connected() {
  open_ = true;
  pending_ ? send() : take_next();
}

void Connection::take_next() {
  const env::TimeUs now_us = run_.clock.monotonic_us();
  const auto due = run_.plan.next(now_us);
  if (!due) {
    error_code ignored;
    socket_.close(ignored);
    return;
  }
  due_ = *due;
  pending_ = true;
  if (due_.at_us <= now_us) {
    fill(due_);
    return send();
  }
  // In an open loop the request waits until it is due; if that is past, it goes at once and its
  // latency has the delay.
  timer_.expires_after(std::chrono::microseconds(due_.at_us - now_us));
  timer_.async_wait([this](error_code error) {
    if (error) return;
    fill(due_);
    send();
  });
}

// Fills in everything that makes this request another one than the last.
void Connection::fill(const Due& due) {
  body_ = (body_ + 1) % bodies_.size();
  Body& body = bodies_[body_];
  const LoadOptions& options = run_.options;
  for (size_t i = 0; i < body.items(); ++i) {
    const uint64_t sequence = due.index * options.batch + i;
    body.set_user(i, options.first_user + (options.preload ? sequence % options.users : run_.zipf.sample(numbers_)));
    body.set_message_id(i, run_.run_id, sequence);
  }
  body.set_time(run_.clock.now_us());
  if (head_.empty() || options.tenants > 0) {
    const std::string key =
        options.tenants > 0 ? fmt::format("{}-{}", options.key, due.index % options.tenants) : options.key;
    head_ =
        fmt::format("POST {} HTTP/1.1\r\nHost: {}:{}\r\nAuthorization: Basic {}\r\nContent-Type: application/json\r\n",
                    options.path, options.host, options.port, encode_base64(key + ":"));
  }
}

void Connection::send() {
  const std::string& body = bodies_[body_].text();
  // The head's last line is the only one that changes.
  const size_t fixed = head_.find("Content-Length");
  if (fixed != std::string::npos) head_.resize(fixed);
  head_ += fmt::format("Content-Length: {}\r\n\r\n", body.size());
  received_ = 0;
  const std::array<asio::const_buffer, 2> parts = {asio::buffer(head_), asio::buffer(body)};
  // A server that refuses a body may answer before it has read all of it, so the answer is looked
  // for even if sending fails.
  with_stream([&](auto& stream) { asio::async_write(stream, parts, [this](error_code, size_t) { receive(); }); });
}

void Connection::receive() {
  // An answer that is larger than the buffer is not one of Freshet's.
  if (received_ == buffer_.size()) return answered({});
  const auto taken = [this](error_code error, size_t bytes) {
    if (error) {
      open_ = false;
      return again(0);
    }
    received_ += bytes;
    const auto head = parse_head({buffer_.data(), received_});
    if (!head || (head->status != 0 && received_ < head->head_bytes + head->body_bytes && received_ < buffer_.size()))
      return receive();
    answered(*head);
  };
  const auto room = asio::buffer(buffer_.data() + received_, buffer_.size() - received_);
  with_stream([&](auto& stream) { stream.async_read_some(room, taken); });
}

void Connection::answered(const ResponseHead& head) {
  FRESHET_ASSERT(pending_);
  LoadResult& result = run_.result;
  const env::TimeUs now_us = run_.clock.monotonic_us();
  result.last_answer_us.store(now_us, std::memory_order_relaxed);
  if (head.close || head.status == 0 || received_ != head.head_bytes + head.body_bytes) open_ = false;
  if (head.status == 429 || head.status == 503) return again(std::min(head.retry_after_s, kRetryAfterMaxS));
  pending_ = false;
  pause_s_ = 0;
  if (head.status == 200) {
    result.requests.fetch_add(1, std::memory_order_relaxed);
    FRESHET_ASSERT(now_us >= due_.at_us);
    result.latency.record(now_us - due_.at_us);
  } else {
    result.refused.fetch_add(1, std::memory_order_relaxed);
    result.refused_status.store(head.status, std::memory_order_relaxed);
  }
  open_ ? take_next() : connect();
}

// Pauses (longer each time, and at least as long as the server asked for), then sends the same
// bytes again. The pause varies, so that connections that broke together don't come back together.
void Connection::again(double after_s) {
  if (pending_) run_.result.retries.fetch_add(1, std::memory_order_relaxed);
  pause_s_ = std::clamp(pause_s_ * 2, kPauseMinS, kPauseMaxS);
  const double jitter = 0.75 + 0.5 * numbers_.unit();
  timer_.expires_after(std::chrono::microseconds(static_cast<int64_t>(std::max(after_s, pause_s_ * jitter) * 1e6)));
  timer_.async_wait([this](error_code error) {
    if (!error) open_&& pending_ ? send() : connect();
  });
}

}  // namespace freshet::bench
