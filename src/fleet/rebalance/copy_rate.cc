// Multiplied in both directions, so that it takes as many steps from any rate: halves down, quarters up. Down is quick,
// because others wait; up is slow, because what was too much a minute ago may be so again.
#include "fleet/rebalance/copy_rate.h"

#include <fmt/core.h>

#include <algorithm>

#include "fleet/text.h"

namespace freshet::fleet::rebalance {

std::optional<std::string> suffering_of(const Signs& before, const Signs& now, const Bounds& bounds) {
  // In the order of how much it hurts: copies that are missing, then readers, then everybody a little.
  if (now.under_replicated > before.under_replicated)
    return fmt::format("{} not in sync, {} before", plural(now.under_replicated, "partition"), before.under_replicated);
  if (now.lag_s > before.lag_s + bounds.lag_s)
    return fmt::format("a group is {:.0f} s behind, {:.0f} s before", now.lag_s, before.lag_s);
  if (now.latency_s > bounds.latency_s && now.latency_s > kLatencyTimes * before.latency_s)
    return fmt::format("a small request takes {:.0f} ms, {:.0f} ms before", now.latency_s * 1000,
                       before.latency_s * 1000);
  return std::nullopt;
}

CopyRate next_copy_rate(const CopyRate& now, bool suffers, CopyRateRange range, double at_s) {
  CopyRate next = now;
  const double least = std::min(range.least, range.most);
  if (suffers) next.calm_since_s = at_s;
  const double settled_s = at_s - now.changed_s;
  if (suffers && settled_s >= kSettleS) {
    next.bytes_per_s = now.bytes_per_s * kLowerTo;
  } else if (!suffers && std::min(settled_s, at_s - now.calm_since_s) >= kCalmS) {
    next.bytes_per_s = now.bytes_per_s * kRaiseTo;
  }
  // What is allowed may have changed since: more comes in than before, or the next wave has another proof.
  next.bytes_per_s = std::clamp(next.bytes_per_s, least, range.most);
  if (next.bytes_per_s != now.bytes_per_s) next.changed_s = at_s;
  return next;
}

}  // namespace freshet::fleet::rebalance
