#include "docstore/mongo/pace.h"

#include <algorithm>

namespace freshet::docstore {

Pace::Pace(const PaceOptions& options)
    : options_(options),
      bulk_(std::clamp(options.bulk_max / 4, std::min(options.bulk_min, options.bulk_max), options.bulk_max)),
      concurrency_(std::min<size_t>(2, options.concurrency_max)) {}

void Pace::observe(env::TimeUs sent, env::TimeUs answered, size_t size, bool failed) {
  const bool slow = answered - sent > options_.slow_us;
  if (!slow && !failed) return increase(size);
  quick_ = 0;
  if (sent < decreased_at_) return;
  decreased_at_ = answered;
  decrease(size, failed);
}

void Pace::decrease(size_t size, bool failed) {
  const bool large = 2 * size > bulk_ && bulk_ > options_.bulk_min;
  if (large && !failed) {
    bulk_ = std::max(bulk_ / 2, options_.bulk_min);
  } else {
    concurrency_ = std::max<size_t>(concurrency_ / 2, 1);
  }
}

void Pace::increase(size_t size) {
  if (size >= bulk_) bulk_ = std::min(bulk_ + options_.bulk_step, options_.bulk_max);
  if (++quick_ < concurrency_) return;
  quick_ = 0;
  concurrency_ = std::min(concurrency_ + 1, options_.concurrency_max);
}

}  // namespace freshet::docstore
