#include "ingest/lane.h"

#include <utility>

#include "base/assert.h"
#include "env/thread.h"
#include "telemetry/metrics.h"

namespace freshet::ingest {

Lane::Lane(size_t bytes_max) : bytes_max_(bytes_max), thread_([this] { serve(); }) { FRESHET_ASSERT(bytes_max > 0); }

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

bool Lane::run(const std::string& tenant, size_t bytes, std::function<void()> work) {
  static telemetry::Counter& taken = telemetry::counter(
      "freshet_ingest_lane_requests_total", "Large requests, by what became of them.", {{"result", "taken"}});
  static telemetry::Counter& refused = telemetry::counter(
      "freshet_ingest_lane_requests_total", "Large requests, by what became of them.", {{"result", "refused"}});
  FRESHET_ASSERT(work != nullptr);
  {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(tenant);
    const size_t of_tenant = found == queues_.end() ? 0 : found->second.bytes;
    // One request always finds room, however large it is: otherwise it would never.
    if (of_tenant > 0 && (bytes_ + bytes > bytes_max_ || of_tenant + bytes > bytes_max_ / 4)) {
      refused.add();
      return false;
    }
    Queue& queue = queues_[tenant];
    queue.bytes += bytes;
    bytes_ += bytes;
    queue.items.push_back({bytes, std::move(work)});
  }
  taken.add();
  wake_.notify_one();
  return true;
}

Lane::Item Lane::take() {
  FRESHET_ASSERT(!queues_.empty());
  // Tenants in the order of their names, round and round.
  auto turn = queues_.upper_bound(last_);
  if (turn == queues_.end()) turn = queues_.begin();
  last_ = turn->first;
  Queue& queue = turn->second;
  FRESHET_ASSERT(!queue.items.empty());
  Item item = std::move(queue.items.front());
  queue.items.pop_front();
  FRESHET_ASSERT(queue.bytes >= item.bytes && bytes_ >= item.bytes);
  queue.bytes -= item.bytes;
  bytes_ -= item.bytes;
  if (queue.items.empty()) queues_.erase(turn);
  return item;
}

void Lane::serve() {
  env::name_thread("ingest-lane");
  // The small requests of others come first where the processor is short.
  env::yield_to_others();
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queues_.empty(); });
    if (stopping_) return;
    Item item = take();
    lock.unlock();
    item.work();
    item = {};
    lock.lock();
  }
}

}  // namespace freshet::ingest
