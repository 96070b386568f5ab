#include "http/worker.h"

#include <chrono>

namespace freshet::http {

void Worker::start_ticking() {
  timer_.expires_after(std::chrono::milliseconds(1000 / kTicksPerSecond));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    ++ticks_;
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
  connections_.emplace(id, std::move(connection));
}

void Worker::remove(uint64_t id) {
  if (connections_.erase(id) > 0) shared_->open.fetch_sub(1);
}

void Worker::respond(uint64_t connection, uint64_t request, Response response) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
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
