// A lane beside the server's threads for requests that take long, and for those of whoever has used more than a fair
// share of the processor (cpu_shares.h). A server thread serves many connections, so one that parsed 10 MiB would keep
// all of them waiting. Here parties take turns by what their requests cost (turns.h), so whoever sends much waits for
// nobody but itself; and where the processor is short, all of them wait for the server's threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ingest/turns.h"

namespace freshet::ingest {

// Who waits for a turn.
struct LaneParty {
  std::string name;   // of a tenant, or of one kind of its requests; of a stranger: where it sends from
  bool known = true;  // its key was right; strangers have room together as one tenant has, and one a quarter of that
};

// Thread-safe.
class Lane {
 public:
  // `bytes_max` bounds what waits, of all parties together; one of them may have a quarter of it.
  explicit Lane(size_t bytes_max, uint32_t threads = 1);
  // Work that has not begun is dropped; work under way is waited for.
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Runs the work on a thread of the lane, behind what waits of this party. False: too much waits already, and the work
  // was not taken. `bytes` is what the work keeps in memory while it waits.
  [[nodiscard]] bool run(const LaneParty& party, size_t bytes, std::function<void()> work);

 private:
  struct Item {
    size_t bytes = 0;
    std::function<void()> work;
  };
  struct Queue {
    size_t bytes = 0;
    bool known = true;
    std::deque<Item> items;
  };

  void serve();
  // REQUIRES, for these two: the lock is held.
  [[nodiscard]] bool has_room(const LaneParty& party, size_t bytes) const;
  // The next item of the party whose turn it is. REQUIRES: something waits.
  [[nodiscard]] std::pair<std::string, Item> take();

  const size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  size_t bytes_ = 0;
  size_t bytes_of_strangers_ = 0;
  std::map<std::string, Queue> queues_;  // of parties that have something waiting
  Turns turns_;
  std::vector<std::thread> threads_;
};

}  // namespace freshet::ingest
