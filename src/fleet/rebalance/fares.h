// How a cluster fares, from looks at it (fleet/watch/look.h). Pure. Private to src/fleet/rebalance.
#pragma once

#include <vector>

#include "fleet/rebalance/port.h"
#include "fleet/watch/look.h"

namespace freshet::fleet::rebalance {

// Partitions that are not in sync, without those that move: what is on its way is not in sync.
[[nodiscard]] uint32_t under_replicated(const Look& look, const std::vector<Moving>& moving);

// Of the group that is furthest behind in a topic: messages that wait, in seconds of what came in between the looks.
// Only groups that somebody is a member of; where nothing comes in, nobody falls behind. 0: none is.
[[nodiscard]] double lag_s(const Look& before, const Look& now);

}  // namespace freshet::fleet::rebalance
