// A lane beside the server's threads for requests that take long: large bodies, and compressed ones, of which nobody
// knows before how much they unpack to. A server thread serves many connections, so one that parsed 10 MiB would keep
// all of them waiting. Here tenants take turns, so whoever sends much waits for nobody but itself.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace freshet::ingest {

// Thread-safe.
class Lane {
 public:
  // `bytes_max` bounds what waits, of all tenants together; one of them may have a quarter of it.
  explicit Lane(size_t bytes_max);
  // Work that has not begun is dropped; work under way is waited for.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Runs the work on the lane's thread, behind what waits of this tenant. False: too much waits already, and the work
  // was not taken. `bytes` is what the work keeps in memory while it waits.
  [[nodiscard]] bool run(const std::string& tenant, size_t bytes, std::function<void()> work);

 private:
  struct Item {
    size_t bytes = 0;
    std::function<void()> work;
  };
  struct Queue {
    size_t bytes = 0;
    std::deque<Item> items;
  };

  void serve();
  // The next item of the tenant whose turn it is. REQUIRES: something waits.
  [[nodiscard]] Item take();

  const size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  size_t bytes_ = 0;
  std::map<std::string, Queue> queues_;  // of tenants that have something waiting
  std::string last_;                     // whose turn was the last one
  std::thread thread_;
};

}  // namespace freshet::ingest
