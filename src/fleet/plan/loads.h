// What a topology asks of each of its clusters, and what it would if rates were others.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fleet/plan/capacity.h"
#include "fleet/rates.h"
#include "fleet/topology.h"

namespace freshet::fleet {

// Sums up what topics and producers ask of each cluster, in the order of fleet.clusters: the input of capacity.h.
// `rates` are those of the fleet.
[[nodiscard]] std::vector<Load> loads_of(const Topology& fleet, const Rates& rates);

// Bytes a second, on average, that a cluster's traffic takes between zones: replicas are in different zones as far as
// there are zones, clients anywhere (they talk to the leader: no fetching from the closest replica).
[[nodiscard]] std::vector<double> cross_zone_bytes_of(const Topology& fleet, const Rates& rates);

// "orders=2x": what to multiply.
// What --rate says. A factor of 0 takes the topic's own messages away.
struct RateChange {
  std::string topic;  // "NAME": of every cluster, and mirrors pass it on; "CLUSTER/NAME": only there, and on; "*": all
  double factor = 1;
};
// kInvalid: not of this form.
[[nodiscard]] Result<RateChange> parse_rate_change(std::string_view text);

// Multiplies rates in place: the growth of so many months, and these changes. What a mirror writes follows its sources;
// producers that say a rate follow their topics. kInvalid: a change names no topic, or a rate is beyond counting; then
// nothing is changed.
[[nodiscard]] Status project(Topology& fleet, double months, const std::vector<RateChange>& changes);

}  // namespace freshet::fleet
