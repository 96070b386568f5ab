#include "fleet/rebalance/racks.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string>

namespace freshet::fleet::rebalance {
namespace {

// All orders of so many moves are tried; no partition has more replicas in life.
constexpr size_t kOrdersOfMax = 6;

using Order = std::vector<size_t>;

std::vector<int32_t> brokers_now(const Partition& partition) {
  std::vector<int32_t> out;
  for (const Replica& replica : partition.replicas) out.push_back(replica.place.broker);
  return out;
}

// The fewest racks on the way, if the moves go in this order.
size_t fewest_racks(const State& state, const std::vector<Move>& moves, const Order& order) {
  std::vector<int32_t> brokers = brokers_now(state.partitions[moves.front().partition]);
  size_t fewest = brokers.size();
  for (const size_t i : order) {
    std::replace(brokers.begin(), brokers.end(), moves[i].from.broker, moves[i].to.broker);
    fewest = std::min(fewest, racks_of(state, brokers));
  }
  return fewest;
}

// The best order; empty: all are as good.
Order best_order(const State& state, const std::vector<Move>& moves) {
  Order order(moves.size());
  std::iota(order.begin(), order.end(), size_t{0});
  Order best = order;
  size_t most = fewest_racks(state, moves, order), least = most;
  while (std::next_permutation(order.begin(), order.end())) {
    const size_t fewest = fewest_racks(state, moves, order);
    least = std::min(least, fewest);
    if (fewest <= most) continue;
    most = fewest;
    best = order;
  }
  return most == least ? Order{} : best;
}

}  // namespace

size_t racks_of(const State& state, const std::vector<int32_t>& brokers) {
  std::set<std::string> racks;
  for (const int32_t id : brokers) {
    const Broker* const broker = state.find(id);
    if (broker != nullptr) racks.insert(broker->rack);
  }
  return racks.size();
}

RackOrder::RackOrder(const State& state, const std::vector<Move>& moves) {
  std::map<size_t, std::vector<Move>> by_partition;
  for (const Move& move : moves)
    if (!move.is_within_broker()) by_partition[move.partition].push_back(move);
  for (const auto& [partition, list] : by_partition) {
    if (list.size() < 2 || list.size() > kOrdersOfMax) continue;
    for (const size_t i : best_order(state, list)) waiting_[partition].push_back(list[i].from);
  }
}

bool RackOrder::may_go(const Move& move) const {
  const auto found = waiting_.find(move.partition);
  return found == waiting_.end() || move.is_within_broker() || found->second.front() == move.from;
}

void RackOrder::goes(const Move& move) {
  const auto found = waiting_.find(move.partition);
  if (found == waiting_.end() || move.is_within_broker()) return;
  FRESHET_ASSERT(found->second.front() == move.from);
  found->second.erase(found->second.begin());
  if (found->second.empty()) waiting_.erase(found);
}

}  // namespace freshet::fleet::rebalance
