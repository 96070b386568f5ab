// The schedule of a run: one atomic counter that all connections draw from.

#include "load/plan.h"

#include <limits>

namespace freshet::bench {

Plan::Plan(const LoadOptions& options, env::TimeUs start_us)
    : requests_max_(options.events == 0 ? std::numeric_limits<uint64_t>::max()
                                        : (options.events + options.batch - 1) / options.batch),
      start_us_(start_us),
      end_us_(options.seconds > 0 ? start_us + static_cast<env::TimeUs>(options.seconds * 1e6)
                                  : std::numeric_limits<env::TimeUs>::max()),
      interval_us_(options.rate > 0 ? options.batch / options.rate * 1e6 : 0),
      is_over_on_time_(options.on_time || interval_us_ == 0) {}

std::optional<Due> Plan::next(env::TimeUs now_us) {
  // Without a pace, or where that is asked for, a run is over when its time is.
  if (is_over_on_time_ && now_us >= end_us_) return std::nullopt;
  const uint64_t index = next_.fetch_add(1, std::memory_order_relaxed);
  if (index >= requests_max_) return std::nullopt;
  if (interval_us_ == 0) return Due{index, now_us};
  // Any other paced run is ended by its schedule and not by the clock: what was due before the end is sent,
  // however late. Otherwise a slow server would get fewer requests and look better.
  const env::TimeUs at_us = start_us_ + static_cast<env::TimeUs>(static_cast<double>(index) * interval_us_);
  if (at_us >= end_us_) return std::nullopt;
  return Due{index, at_us};
}

}  // namespace freshet::bench
