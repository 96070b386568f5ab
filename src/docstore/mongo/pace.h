// How large bulks are and how many are under way at once, from how long the store takes: additive increase,
// multiplicative decrease. Pure: no clock; one thread, or under its owner's lock.
//
//   quick, and the bulk was full     the size grows by a step
//   a round of quick answers         one more at once (a round: as many answers as are allowed at once)
//   slow, and the bulk was large     the size is halved
//   slow, though the bulk was small  its size is not to blame: half as many at once
//   failed (the store is away)       half as many at once
// An answer to what was sent before the last decrease says nothing about it, and decreases nothing more.
#pragma once

#include <cstddef>

#include "env/clock.h"

namespace freshet::docstore {

struct PaceOptions {
  size_t bulk_min = 25;
  size_t bulk_max = 1000;
  size_t bulk_step = 25;
  size_t concurrency_max = 8;
  env::TimeUs slow_us = 100'000;
};

class Pace {
 public:
  explicit Pace(const PaceOptions& options);
  [[nodiscard]] size_t bulk() const { return bulk_; }
  [[nodiscard]] size_t concurrency() const { return concurrency_; }
  // A bulk of `size` was sent and answered at these times. 0 < size.
  void observe(env::TimeUs sent, env::TimeUs answered, size_t size, bool failed);

 private:
  void decrease(size_t size, bool failed);
  void increase(size_t size);

  PaceOptions options_;
  size_t bulk_;
  size_t concurrency_;
  size_t quick_ = 0;  // of this round
  env::TimeUs decreased_at_ = 0;
};

}  // namespace freshet::docstore
