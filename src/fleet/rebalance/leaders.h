// Leaders evened over brokers without a byte that moves: of a partition's replicas another one comes first, and is
// elected. What a leader takes in counts, so it is also what takes a hot partition's work off a busy broker.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json_writer.h"
#include "env/clock.h"
#include "fleet/rebalance/port.h"
#include "fleet/rebalance/state.h"

namespace freshet::fleet::rebalance {

// What a broker has of leaders: those that it leads when every preferred one does.
struct Leads {
  uint32_t partitions = 0;
  double in_bytes_per_s = 0;
};

struct LeadersPlan {
  // Of partitions that get another leader: their replicas in the new order, the one that is to lead first. The brokers
  // are the same, so neither a disk nor a rack has more or less afterwards.
  std::vector<Assignment> reordered;
  // Partitions that are led by another one than their preferred leader, but need no other order.
  std::vector<Assignment> elected;
  std::map<int32_t, Leads> before, after;  // by broker
};

// Even is within `tolerance` of the mean. A partition counts for what comes in, and for half of what an average one
// takes, so that numbers are evened where nothing is busy.
[[nodiscard]] LeadersPlan plan_leaders(const State& state, double tolerance);

// Some at a time; whoever ends it leaves some of them done, and it may be begun again. `tell` is told how far it is.
// kConflict: somebody moves replicas now.
[[nodiscard]] Status move_leaders(Port& port, env::Clock& clock, const LeadersPlan& plan,
                                  const std::function<void(const std::string&)>& tell);

[[nodiscard]] std::string text_of_leaders(const LeadersPlan& plan);
void write_leaders(JsonWriter& json, const LeadersPlan& plan);

}  // namespace freshet::fleet::rebalance
