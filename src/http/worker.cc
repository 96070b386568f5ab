// The thread's table of connections and its ticks.

#include "http/worker.h"

#include <boost/asio/post.hpp>
#include <chrono>

#include "base/assert.h"

namespace freshet::http {

Shared::Shared(const ServerOptions& server_options, Handler server_handler)
    : options(server_options),
      handler(std::move(server_handler)),
      seats({.seats = options.connections_max,
             .of_an_address = connections_of_an_address(options),
             .spare = spare_connections(options.connections_max)}),
      bodies(options.bodies_bytes_max, bodies_of_an_address(options, options.bodies_bytes_max)),
      bodies_of_strangers(options.strangers_bodies_bytes_max,
                          bodies_of_an_address(options, options.strangers_bodies_bytes_max)) {
  FRESHET_ASSERT(handler != nullptr);
  FRESHET_ASSERT(options.body_bytes_max <= bodies.of_an_address());  // or the largest could never be read
}

void Worker::start_ticking() {
  timer_.expires_after(std::chrono::milliseconds(1000 / kTicksPerSecond));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    ++ticks_;
    // on_tick() may close its connection, which takes it out of the table; so the ticks go over a
    // copy.
    for (const auto& connection : all()) connection->on_tick(ticks_);
    start_ticking();
  });
}

std::vector<std::shared_ptr<AnyConnection>> Worker::all() const {
  std::vector<std::shared_ptr<AnyConnection>> out;
  out.reserve(connections_.size());
  for (const auto& [id, entry] : connections_) out.push_back(entry.connection);
  return out;
}

std::shared_ptr<AnyConnection> Worker::find(uint64_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.connection;
}

void Worker::add(std::shared_ptr<Seat> seat, std::shared_ptr<AnyConnection> connection) {
  FRESHET_ASSERT(seat != nullptr && connection != nullptr);
  const uint64_t id = seat->connection();
  const bool is_new = connections_.emplace(id, Entry{std::move(seat), std::move(connection)}).second;
  FRESHET_ASSERT(is_new);
}

void Worker::remove(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  shared_->seats.leave(*found->second.seat);
  connections_.erase(found);
}

void Worker::respond(uint64_t connection, uint64_t request, Response response) {
  if (const auto found = find(connection)) found->respond(request, std::move(response));
}

void Worker::evict(uint64_t connection) {
  if (const auto found = find(connection)) found->evict();
}

void Worker::line_up(uint64_t address, std::shared_ptr<AnyConnection> connection) {
  const bool is_first = line_.empty();
  line_.add(address, std::move(connection));
  if (is_first) boost::asio::post(io_, [this] { serve_line(); });
}

// One at a time: what is posted comes after all that is ready by now.
void Worker::serve_line() {
  const std::shared_ptr<AnyConnection> next = line_.take();
  next->take_turn();
  if (!line_.empty()) boost::asio::post(io_, [this] { serve_line(); });
}

void Worker::begin_stop() {
  stopping_ = true;
  for (const auto& connection : all()) connection->close_if_idle();
}

void Worker::close_all() {
  for (const auto& connection : all()) connection->close();
}

}  // namespace freshet::http
