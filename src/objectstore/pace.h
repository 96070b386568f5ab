// A bound on bytes per second, shared by all who take from one. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>

#include "env/clock.h"

namespace freshet::objectstore {

class Pace {
 public:
  Pace(env::Clock& clock, uint64_t bytes_per_s) : clock_(clock), bytes_per_s_(bytes_per_s) {}  // 0: no bound
  // Sleeps until `bytes` more may pass. After a rest at most a tenth of a second's worth passes at once.
  void take(uint64_t bytes);

 private:
  env::Clock& clock_;
  const uint64_t bytes_per_s_;
  std::mutex mutex_;
  env::TimeUs free_at_us_ = 0;  // guarded by mutex_
};

}  // namespace freshet::objectstore
