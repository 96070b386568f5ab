// Queues by party, each in its order; whose turn it is Turns says, and each thread takes one item at a time. What an
// item cost is known when its thread is done with it: its own CPU time, whatever else the machine did meanwhile.

#include "ingest/lane.h"

#include <utility>

#include "base/assert.h"
#include "env/cpu_time.h"
#include "env/thread.h"
#include "telemetry/metrics.h"

namespace freshet::ingest {

namespace {

void count(bool taken) {
  const auto counter = [](const char* result) -> telemetry::Counter& {
    return telemetry::counter("freshet_ingest_lane_requests_total",
                              "Requests for the lane beside the server's threads, by what became of them.",
                              {{"result", result}});
  };
  static telemetry::Counter& all_taken = counter("taken");
  static telemetry::Counter& all_refused = counter("refused");
  (taken ? all_taken : all_refused).add();
}

}  // namespace

Lane::Lane(size_t bytes_max, uint32_t threads) : bytes_max_(bytes_max) {
  FRESHET_ASSERT(bytes_max > 0 && threads > 0);
  for (uint32_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

Lane::~Lane() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Lane::has_room(const LaneParty& party, size_t bytes) const {
  const auto found = queues_.find(party.name);
  const size_t own = found == queues_.end() ? 0 : found->second.bytes;
  // One request always finds room, however large it is: otherwise it would never.
  if ((party.known ? own : bytes_of_strangers_) == 0) return true;
  const size_t of_a_tenant = bytes_max_ / 4;
  if (bytes_ + bytes > bytes_max_) return false;
  if (party.known) return own + bytes <= of_a_tenant;
  // Among strangers are all who have their key in the body, so one of them must not take what there is for all.
  return bytes_of_strangers_ + bytes <= of_a_tenant && (own == 0 || own + bytes <= of_a_tenant / 4);
}

bool Lane::run(const LaneParty& party, size_t bytes, std::function<void()> work) {
  FRESHET_ASSERT(work != nullptr && bytes > 0);
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    if (has_room(party, bytes)) {
      taken = true;
      Queue& queue = queues_[party.name];
      queue.bytes += bytes;
      queue.known = party.known;
      bytes_ += bytes;
      if (!party.known) bytes_of_strangers_ += bytes;
      queue.items.push_back({bytes, std::move(work)});
      turns_.add(party.name);
    }
  }
  count(taken);
  if (taken) wake_.notify_one();
  return taken;
}

std::pair<std::string, Lane::Item> Lane::take() {
  std::string name = turns_.take();
  const auto at = queues_.find(name);
  FRESHET_ASSERT(at != queues_.end() && !at->second.items.empty());
  Queue& queue = at->second;
  Item item = std::move(queue.items.front());
  queue.items.pop_front();
  FRESHET_ASSERT(queue.bytes >= item.bytes && bytes_ >= item.bytes);
  queue.bytes -= item.bytes;
  bytes_ -= item.bytes;
  if (!queue.known) bytes_of_strangers_ -= item.bytes;
  if (queue.items.empty()) queues_.erase(at);
  return {std::move(name), std::move(item)};
}

void Lane::serve() {
  env::name_thread("ingest-lane");
  // The small requests of others come first where the processor is short.
  env::yield_to_all();
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || turns_.anybody_waits(); });
    if (stopping_) return;
    auto [name, item] = take();
    lock.unlock();
    const env::TimeUs before = env::thread_cpu_us();
    item.work();
    item = {};
    const env::TimeUs cost = env::thread_cpu_us() - before;
    lock.lock();
    turns_.done(name, cost);
  }
}

}  // namespace freshet::ingest
