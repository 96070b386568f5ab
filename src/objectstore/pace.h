// A bound on bytes per second, shared by all who take from one. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>

#include "env/clock.h"

namespace freshet::objectstore {

class Pace {
 public:
  // With 0 bytes_per_s there is no bound.
  Pace(env::Clock& clock, uint64_t bytes_per_s) : clock_(clock), bytes_per_s_(bytes_per_s) {}
  // Sleeps until `bytes` more may pass. After a rest at most a tenth of a second's worth passes at
  // once.
  void take(uint64_t bytes);

 private:
  env::Clock& clock_;
  const uint64_t bytes_per_s_;
  std::mutex mutex_;
  env::TimeUs free_at_us_ = 0;  // when all that was taken has passed; guarded by mutex_
};

}  // namespace freshet::objectstore
