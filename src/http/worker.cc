// The thread's table of connections and its ticks.

#include "http/worker.h"

#include <chrono>

#include "base/assert.h"

namespace freshet::http {

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
  for (const auto& [id, connection] : connections_) out.push_back(connection);
  return out;
}

void Worker::add(uint64_t id, std::shared_ptr<AnyConnection> connection) {
  FRESHET_ASSERT(connection != nullptr);
  const bool is_new = connections_.emplace(id, std::move(connection)).second;
  FRESHET_ASSERT(is_new);
}

void Worker::remove(uint64_t id) {
  if (connections_.erase(id) == 0) return;
  const uint32_t before = shared_->open.fetch_sub(1);
  FRESHET_ASSERT(before > 0);
}

void Worker::respond(uint64_t connection, uint64_t request, Response response) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  // Answering may end the connection; the copy keeps it alive until it has returned.
  const auto hold = found->second;
  hold->respond(request, std::move(response));
}

void Worker::begin_stop() {
  stopping_ = true;
  for (const auto& connection : all()) connection->close_if_idle();
}

void Worker::close_all() {
  for (const auto& connection : all()) connection->close();
}

}  // namespace freshet::http
