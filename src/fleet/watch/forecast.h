// When a log directory will be full. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "fleet/watch/history.h"

namespace freshet::fleet {

// Until the row of `used` reaches `total_bytes` as a straight line. Retention and compaction make a saw-tooth of it:
// only what the lows and the highs of both halves of the history have grown by counts, whichever is less.
// nullopt: it does not grow, or too little is known (under twelve looks, or under half of `window_min_us`).
[[nodiscard]] std::optional<double> seconds_to_full(const History& used, size_t row, int64_t total_bytes,
                                                    env::TimeUs window_min_us);

}  // namespace freshet::fleet
