// How fast a cluster may be made to copy while it works for others: halved when it suffers, raised again in small steps
// when it is well. Pure values in, a rate out, so that every course of events can be tried.
//
// Suffering is judged against how the cluster was before anything was moved: whoever drains a broker that is down has
// partitions without all of their replicas from the beginning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace freshet::fleet::rebalance {

// How a cluster fares at one moment.
struct Signs {
  double latency_s = 0;           // of a small request, at the broker that is slowest to answer
  double lag_s = 0;               // of the group that is furthest behind, in what comes in within that time
  uint32_t under_replicated = 0;  // partitions that are not in sync and that nobody moves
};

// What is suffering: beyond this and worse than before.
struct Bounds {
  bool adapts = true;        // false: the throttle stays as it is
  double latency_s = 0.2;    // and kLatencyTimes of what it was
  double lag_s = 30;         // more than it was
  double least_share = 0.1;  // of the throttle; never less than what lets copies catch up and disks hold
  [[nodiscard]] bool operator==(const Bounds&) const = default;
};
inline constexpr double kLatencyTimes = 3;

// Which of the signs is beyond its bound, for people: "lag of 95 s, 2 s before"; nullopt: none.
[[nodiscard]] std::optional<std::string> suffering_of(const Signs& before, const Signs& now, const Bounds& bounds);

struct CopyRate {
  double bytes_per_s = 0;
  double changed_s = 0;     // when it last was; of the clock that `at_s` is of
  double calm_since_s = 0;  // nothing has suffered since
};

inline constexpr double kSettleS = 10;    // until the effect of a change is seen: no sooner is it lowered again
inline constexpr double kCalmS = 30;      // so long must all be well before it is raised
inline constexpr double kLowerTo = 0.5;   // of what it was
inline constexpr double kRaiseTo = 1.25;  // of what it was

// The rates that are allowed now. Where the least is above the most, the most holds.
struct CopyRateRange {
  double least = 0, most = 0;
};

[[nodiscard]] CopyRate next_copy_rate(const CopyRate& now, bool suffers, CopyRateRange range, double at_s);

}  // namespace freshet::fleet::rebalance
