// The settings of brokers that limit how fast they copy. Private to src/fleet/rebalance.
#pragma once

#include <vector>

#include "fleet/rebalance/port.h"

namespace freshet::fleet::rebalance {

// Of every broker. What goes between brokers is limited at the leader and at the follower; between the log dirs of one
// broker neither counts, and a setting of its own does.
[[nodiscard]] std::vector<Change> rate_changes(const State& state, bool between_brokers, bool within_brokers,
                                               double bytes_per_s);

}  // namespace freshet::fleet::rebalance
