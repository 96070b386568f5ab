// Begins low and finds its way up: a store that is small or busy should not meet the largest bulks
// first.

#include "docstore/mongo/bulk_tuner.h"

#include <algorithm>

#include "base/assert.h"

namespace freshet::docstore {

BulkTuner::BulkTuner(const BulkTunerOptions& options)
    : options_(options),
      bulk_(std::clamp(options.bulk_max / 4, std::min(options.bulk_min, options.bulk_max), options.bulk_max)),
      concurrency_(std::min<size_t>(2, options.concurrency_max)) {}

// Only the times' difference and order count.
void BulkTuner::observe(env::TimeUs sent, env::TimeUs answered, size_t size, bool failed) {
  FRESHET_ASSERT(size > 0 && sent <= answered);
  const bool slow = answered - sent > options_.slow_us;
  if (!slow && !failed) return increase(size);
  quick_ = 0;
  if (sent < decreased_at_) return;
  decreased_at_ = answered;
  decrease(size, failed);
  FRESHET_ASSERT(bulk_ > 0 && concurrency_ > 0);
}

void BulkTuner::decrease(size_t size, bool failed) {
  // A bulk that was much smaller than allowed can't be slow for its size.
  const bool large = 2 * size > bulk_ && bulk_ > options_.bulk_min;
  if (large && !failed) {
    bulk_ = std::max(bulk_ / 2, options_.bulk_min);
  } else {
    concurrency_ = std::max<size_t>(concurrency_ / 2, 1);
  }
}

void BulkTuner::increase(size_t size) {
  // Only a full bulk shows that one of this size is quick.
  if (size >= bulk_) bulk_ = std::min(bulk_ + options_.bulk_step, options_.bulk_max);
  if (++quick_ < concurrency_) return;
  quick_ = 0;
  concurrency_ = std::min(concurrency_ + 1, options_.concurrency_max);
  FRESHET_ASSERT(bulk_ <= options_.bulk_max && concurrency_ <= options_.concurrency_max);
}

}  // namespace freshet::docstore
