#include "fleet/restart/state.h"

#include <fmt/core.h>

#include <algorithm>

#include "fleet/text.h"

namespace freshet::fleet::restart {
namespace {

bool has(const std::vector<int32_t>& list, int32_t broker) { return std::ranges::find(list, broker) != list.end(); }

// Replicas that are not in sync, without those of `ours`.
bool lacks_others(const Partition& partition, int32_t ours) {
  return std::ranges::any_of(partition.replicas,
                             [&](int32_t replica) { return replica != ours && !has(partition.in_sync, replica); });
}

}  // namespace

bool Partition::has_replica_on(int32_t broker) const { return has(replicas, broker); }
bool Partition::is_in_sync_on(int32_t broker) const { return has(in_sync, broker); }

const Broker* State::find(int32_t id) const {
  const auto found = std::ranges::find(brokers, id, &Broker::id);
  return found == brokers.end() ? nullptr : &*found;
}

// A partition that only `ours` could lead has no leader because of us.
std::string unready(const State& state, int32_t ours) {
  uint64_t lacking = 0, leaderless = 0;
  std::string first;
  for (const Partition& partition : state.partitions) {
    const bool led = partition.leader >= 0 || (ours >= 0 && partition.has_replica_on(ours));
    if (led && !lacks_others(partition, ours)) continue;
    if (first.empty()) first = partition.name();
    lacking += led ? 1 : 0;
    leaderless += led ? 0 : 1;
  }
  if (leaderless > 0)
    return fmt::format("{} without a leader, and {} with replicas that are not in sync; the first is {}",
                       plural(leaderless, "partition"), lacking, first);
  if (lacking > 0)
    return fmt::format("{} with replicas that are not in sync; the first is {}", plural(lacking, "partition"), first);
  if (state.moving > 0) return fmt::format("replicas of {} are being moved", plural(state.moving, "partition"));
  return "";
}

// What is left in sync decides: replicas that are not in sync can't lead, and don't count for acks=all.
Cost cost_of(const State& state, int32_t broker) {
  Cost out;
  for (const Partition& partition : state.partitions) {
    if (!partition.has_replica_on(broker)) continue;
    out.leads += partition.leader == broker ? 1 : 0;
    const auto left = std::ranges::count_if(partition.in_sync, [&](int32_t replica) { return replica != broker; });
    if (left == 0) {
      if (out.offline++ == 0) out.first_offline = partition.name();
    } else if (left < partition.min_isr) {
      if (out.read_only++ == 0) out.first_read_only = partition.name();
    }
  }
  return out;
}

// Within a rack by id, so that the order is the same at every look.
std::vector<Broker> order_of(const State& state, const std::vector<int32_t>& wanted) {
  std::vector<Broker> all;
  for (const Broker& broker : state.brokers) {
    if (wanted.empty() || has(wanted, broker.id)) all.push_back(broker);
  }
  std::ranges::sort(all,
                    [](const Broker& a, const Broker& b) { return a.rack != b.rack ? a.rack < b.rack : a.id < b.id; });
  return all;
}

bool is_back(const State& state, int32_t broker) {
  return state.find(broker) != nullptr && std::ranges::all_of(state.partitions, [&](const Partition& partition) {
           return !partition.has_replica_on(broker) || partition.is_in_sync_on(broker);
         });
}

}  // namespace freshet::fleet::restart
