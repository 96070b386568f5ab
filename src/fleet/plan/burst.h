// What the restart of a service after an outage does to the clusters below it: it sends what has gathered as fast as it
// can, mirrors carry the wave on, consumers lag behind. A fluid model in steps of a second, without randomness; all
// other traffic is at its highest rate throughout. docs/fleet/plan.md has the formulas and what they leave out.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fleet/plan/capacity.h"
#include "fleet/plan/prices.h"
#include "fleet/topology.h"

namespace freshet::fleet {

// --burst: this service stands still for so long.
// What --burst says. After the outage the service sends what has gathered, beside what goes on coming.
struct Outage {
  std::string service;
  double minutes = 0;
  double catch_up = 0;  // how many times its usual rate it can send afterwards; 0: as its consumers can, or 3
};
inline constexpr double kOutageMinutesMax = 24 * 60;
// "checkout=30", "checkout=30@4x". kInvalid: not of this form.
[[nodiscard]] Result<Outage> parse_outage(std::string_view text);

// A place that passes messages on, in the order of the flow.
// There are three kinds: the service itself (it has no source), clusters, and consumer groups.
struct Stage {
  struct Source {
    size_t stage = 0;  // an earlier one
    double ratio = 1;  // of what it passes
  };
  std::vector<Source> from;  // none: `usual` comes all the time, and nothing is passed during the outage
  double usual = 0;          // messages a second
  double most = 0;           // that it can pass
};
// The state of a stage at the end of a second.
struct StagePoint {
  double passed = 0;   // messages a second
  double waiting = 0;  // messages
};
// What flood() found. The lists by stage are as long as the stages that were given.
struct Flood {
  static constexpr uint32_t kLongestS = 24 * 3600;  // after the restart
  std::vector<std::vector<StagePoint>> points;      // by stage, every `step_s` seconds
  uint32_t step_s = 1;
  std::vector<double> waiting_max;  // by stage
  std::vector<double> passed_max;
  std::vector<std::optional<double>>
      recovered_s;  // by stage: after the restart, until nothing waits; none: not in a day
};
// Runs the stages for outage_s seconds in which the sources stand still, and on until nothing waits any more. Memory:
// a point for each stage and second, thinned out at the end. REQUIRES: sources stand before the stages that they feed.
[[nodiscard]] Flood flood(std::span<const Stage> stages, uint32_t outage_s);

// This is what happens to one cluster that the service's messages reach.
struct ClusterBurst {
  struct Point {
    double minute = 0;  // since the outage began
    double messages_per_s = 0;
    double cpu = 0;            // part of it in use
    double use = 0;            // of the tightest of cpu and bandwidths
    double delay_minutes = 0;  // that a message waits to get in
  };
  std::string cluster;
  double usual = 0;  // messages a second that come from the service, directly or by mirrors
  double most = 0;   // of these, that the cluster and the mirrors into it can take
  Resource bottleneck = Resource::kCpu;
  double cpu_before = 0, cpu_max = 0;
  double use_before = 0, use_max = 0;
  double latency_times = 1;                 // at the worst, of what it was: 1 / (1 - use), as of a queue
  double waiting_max = 0;                   // messages
  double messages_max = 0;                  // a second
  std::optional<double> recovered_minutes;  // after the restart
  std::vector<Point> points;
};
// This is what happens to one consumer group that reads them.
struct GroupBurst {
  std::string group;
  std::string cluster;
  double usual = 0;
  double most = 0;
  double lag_max = 0;            // messages
  std::vector<double> lag = {};  // at the minutes of the clusters' points
  std::optional<double> recovered_minutes = {};
};
// One outage and all that it does.
struct Burst {
  Outage outage;
  double usual = 0;                    // messages a second that the service sends
  double backlog = 0;                  // messages at the restart
  std::optional<double> sent_minutes;  // after the restart, until it has caught up itself
  std::vector<ClusterBurst> clusters;
  std::vector<GroupBurst> groups;  // whose speed is known
};

// `loads` and `shapes` as in fleet.clusters. kInvalid: no such service, or it sends nothing.
[[nodiscard]] Result<Burst> burst(const Topology& fleet, const std::vector<Load>& loads,
                                  const std::vector<BrokerShape>& shapes, const Outage& outage, const Prices& prices);

}  // namespace freshet::fleet
