// What the reactor works on and within which bounds: the thread (reactor.h) and its steps (reactor_loop.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "env/clock.h"

namespace freshet::docstore {
class DocStore;
}
namespace freshet::eventlog {
class EventLog;
}

namespace freshet::reaction {

inline constexpr const char* kReactionGroup = "reaction";

// What a reactor works with, and its bounds.
struct ReactorOptions {
  eventlog::EventLog* log = nullptr;  // log, store and clock outlive the reactor
  docstore::DocStore* store = nullptr;
  env::Clock* clock = nullptr;
  uint32_t member = 0;  // of `members`, which share the partitions
  uint32_t members = 1;
  size_t fetch_bytes_max = 4u << 20;
  size_t waiting_bytes_max = 16u << 20;  // of records that are not written yet; they take four times as much memory
  size_t bulk_entities_max = 1000;
  size_t bulks_in_flight_max = 4;
  env::TimeUs linger_us = 2'000;  // between two polls that found something: more comes together, so fewer writes
  env::TimeUs poll_us = 100'000;
  env::TimeUs commit_interval_us = 1'000'000;
  // Calls store->sync() and then `done` with its result, on any thread; there is one at a time. If
  // it is not set, the loop syncs on its own thread.
  std::function<void(std::function<void(Status)> done)> start_sync;
  env::TimeUs retry_first_us = 10'000;  // the pause before the first retry; it is doubled with each further one
  env::TimeUs retry_max_us = 5'000'000;
  env::TimeUs drain_max_us = 10'000'000;  // how long stop() waits for the store
};

}  // namespace freshet::reaction
