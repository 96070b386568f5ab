// Which requests are sent when. The threads of a run share it: it is thread-safe and has no locks.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "env/clock.h"
#include "load/options.h"
#include "telemetry/metrics.h"

namespace freshet::bench {

// What happened, counted by all connections.
struct LoadResult {
  std::atomic<uint64_t> requests{0};   // answered with 200
  std::atomic<uint64_t> retries{0};    // sent again: 429, 503 or a broken connection
  std::atomic<uint64_t> refused{0};    // answered with something that sending again would not change
  std::atomic<int> refused_status{0};  // one of them
  std::atomic<env::TimeUs> last_answer_us{0};
  telemetry::Histogram latency;  // from when the request was due to its final answer
};

// A request and the time at which it should be sent. In an open loop that time does not wait for
// answers, so a slow server shows in the latency and not in a lower rate (coordinated omission).
struct Due {
  uint64_t index = 0;     // of the request in the run
  env::TimeUs at_us = 0;  // monotonic; if it is past, send now
};

class Plan {
 public:
  Plan(const LoadOptions& options, env::TimeUs start_us);
  // The next request; nullopt if there are no more. An index is given once.
  [[nodiscard]] std::optional<Due> next(env::TimeUs now_us);

 private:
  uint64_t requests_max_;
  env::TimeUs start_us_;
  env::TimeUs end_us_;
  double interval_us_;  // between two requests; with 0 there is no pace
  bool is_over_on_time_;
  std::atomic<uint64_t> next_{0};
};

}  // namespace freshet::bench
