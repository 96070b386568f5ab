// Finds how large bulks should be and how many may be under way at once, from how long the store
// takes: additive increase, multiplicative decrease, as TCP does it (Chiu and Jain, 1989). It is
// pure: it has no clock. One thread uses it, or several under their owner's lock.
//
//   quick, and the bulk was full     the size grows by a step
//   a round of quick answers         one more at once (a round: as many answers as are allowed at once)
//   slow, and the bulk was large     the size is halved
//   slow, though the bulk was small  its size is not to blame: half as many at once
//   failed (the store is away)       half as many at once
// An answer to what was sent before the last decrease says nothing about it, so it decreases
// nothing more: otherwise one slow moment, which all bulks under way see, would count several
// times.
#pragma once

#include <cstddef>

#include "env/clock.h"

namespace freshet::docstore {

// What may be tuned, and within which bounds.
struct BulkTunerOptions {
  size_t bulk_min = 25;
  size_t bulk_max = 1000;
  size_t bulk_step = 25;
  size_t concurrency_max = 8;
  env::TimeUs slow_us = 100'000;  // an answer that takes longer is slow
};

class BulkTuner {
 public:
  explicit BulkTuner(const BulkTunerOptions& options);
  // The most operations of a bulk now.
  [[nodiscard]] size_t bulk() const { return bulk_; }
  // The most bulks under way now.
  [[nodiscard]] size_t concurrency() const { return concurrency_; }
  // A bulk of `size` operations was sent and answered at these times. REQUIRES: 0 < size.
  void observe(env::TimeUs sent, env::TimeUs answered, size_t size, bool failed);

 private:
  void decrease(size_t size, bool failed);
  void increase(size_t size);

  BulkTunerOptions options_;
  size_t bulk_;
  size_t concurrency_;
  size_t quick_ = 0;  // quick answers of this round
  env::TimeUs decreased_at_ = 0;
};

}  // namespace freshet::docstore
