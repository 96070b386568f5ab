// What is promised of a tenant's freshness: of the records received in `over_us`, the share `share` can be read in
// their profiles within `within_us`. docs/operations/console.md#freshness-objective
#pragma once

#include <cstdint>

namespace freshet::model {

// 0: not said; whoever is asked next says it.
struct Objective {
  int64_t within_us = 0;
  double share = 0;  // more than 0, less than 1
  int64_t over_us = 0;

  bool operator==(const Objective&) const = default;
};

inline constexpr Objective kUsualObjective{1'000'000, 0.999, 30ll * 86'400 * 1'000'000};

// What the first one says, and where it says nothing the second one.
[[nodiscard]] constexpr Objective combine(const Objective& own, const Objective& rest) {
  return {own.within_us != 0 ? own.within_us : rest.within_us, own.share != 0 ? own.share : rest.share,
          own.over_us != 0 ? own.over_us : rest.over_us};
}

}  // namespace freshet::model
