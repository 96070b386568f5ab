// The entities of a partition in the order of their ids, those in memory and those in the store.
#pragma once

#include <string_view>
#include <vector>

#include "base/hash.h"

namespace freshet::state {

class PartitionState;

// The ids of the first `count` entities behind `after` (16 bytes, or empty: from the first on), ascending. What it says
// does not depend on what is durable. After a failed read it says nothing, and PartitionState::status() why.
[[nodiscard]] std::vector<Hash128> entities_after(PartitionState& state, std::string_view after, size_t count);

}  // namespace freshet::state
