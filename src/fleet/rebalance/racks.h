// The order in which the replicas of one partition move, so that on the way, too, they lie in as many racks as they
// can: a rack that is lost then would take all of them with it. Only partitions of which several replicas move, in an
// order that counts, have one here.
#pragma once

#include <map>
#include <vector>

#include "fleet/rebalance/plan.h"

namespace freshet::fleet::rebalance {

// How many racks these brokers are in; one that is not there is in none.
[[nodiscard]] size_t racks_of(const State& state, const std::vector<int32_t>& brokers);

class RackOrder {
 public:
  // The state outlives it.
  RackOrder(const State& state, const std::vector<Move>& moves);
  // Whether no other replica of its partition has to move before. True of every partition without an order.
  [[nodiscard]] bool may_go(const Move& move) const;
  // It goes, so the next one may.
  void goes(const Move& move);

 private:
  std::map<size_t, std::vector<Place>> waiting_;  // by partition: from where they go, the next one first
};

}  // namespace freshet::fleet::rebalance
