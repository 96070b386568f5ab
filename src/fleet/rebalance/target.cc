#include "fleet/rebalance/target.h"

#include <fmt/core.h>

#include <map>
#include <numeric>
#include <optional>
#include <set>

namespace freshet::fleet::rebalance {
namespace {

// What a replica counts for beside its bytes: so that numbers are evened where nothing is large.
constexpr double kReplicaBytes = 1 << 20;

// Replicas as they will lie, and how much each place will have of them.
class Draft {
 public:
  explicit Draft(const State& state) : state_(state) {
    for (const Broker& broker : state.brokers)
      for (uint32_t d = 0; d < broker.dirs.size(); ++d) loads_[{broker.id, d}] = 0;
    for (const Partition& partition : state.partitions) {
      std::vector<Place>& places = target_.emplace_back();
      for (const Replica& replica : partition.replicas) {
        places.push_back(replica.place);
        if (const auto at = loads_.find(replica.place); at != loads_.end()) at->second += weight_of(partition);
      }
    }
  }

  [[nodiscard]] const Target& target() const { return target_; }
  [[nodiscard]] Target take() { return std::move(target_); }

  [[nodiscard]] static double weight_of(const Partition& partition) { return partition.bytes() + kReplicaBytes; }

  // Of what the dir has room for.
  [[nodiscard]] double fill_of(Place place, double more = 0) const {
    return (loads_.at(place) + more) / std::max(1.0, state_.dir_of(place).total_bytes);
  }
  [[nodiscard]] double fill_of(const Broker& broker, double more = 0) const {
    double load = more, total = 0;
    for (uint32_t d = 0; d < broker.dirs.size(); ++d) {
      load += loads_.at({broker.id, d});
      total += broker.dirs[d].total_bytes;
    }
    return load / std::max(1.0, total);
  }
  // nullopt: none of its log dirs is online.
  [[nodiscard]] std::optional<Place> emptiest_dir(const Broker& broker, double more) const {
    std::optional<Place> best;
    for (uint32_t d = 0; d < broker.dirs.size(); ++d) {
      const Place place{broker.id, d};
      if (broker.dirs[d].is_online && (!best || fill_of(place, more) < fill_of(*best, more))) best = place;
    }
    return best;
  }
  [[nodiscard]] bool has(size_t partition, int32_t broker) const {
    const std::vector<Place>& places = target_[partition];
    return std::any_of(places.begin(), places.end(), [&](const Place& place) { return place.broker == broker; });
  }
  [[nodiscard]] bool has_moved(size_t partition, size_t replica) const { return moved_.contains({partition, replica}); }

  // How many racks its replicas are in, if the i-th lay on this broker.
  [[nodiscard]] size_t racks_with(size_t partition, size_t replica, const Broker& broker) const {
    std::set<std::string> racks{broker.rack};
    for (size_t i = 0; i < target_[partition].size(); ++i) {
      const Broker* const other = state_.find(target_[partition][i].broker);
      if (i != replica && other != nullptr) racks.insert(other->rack);
    }
    return racks.size();
  }

  void move(size_t partition, size_t replica, Place to) {
    const double weight = weight_of(state_.partitions[partition]);
    Place& place = target_[partition][replica];
    if (const auto at = loads_.find(place); at != loads_.end()) at->second -= weight;
    loads_.at(to) += weight;
    place = to;
    moved_.insert({partition, replica});
  }

 private:
  const State& state_;
  Target target_;
  std::map<Place, double> loads_;
  std::set<std::pair<size_t, size_t>> moved_;
};

bool is_among(const std::vector<int32_t>& ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

// Largest first: what is hardest to place is placed while there is most room.
std::vector<size_t> by_size(const State& state) {
  std::vector<size_t> order(state.partitions.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return state.partitions[a].bytes() > state.partitions[b].bytes(); });
  return order;
}

// Where a replica of a drained broker goes: as many racks as can be, then the emptiest.
const Broker* new_home(const State& state, const Draft& draft, const Goal& goal, size_t partition, size_t replica) {
  const double weight = Draft::weight_of(state.partitions[partition]);
  const Broker* best = nullptr;
  std::pair<size_t, double> best_key;
  for (const Broker& broker : state.brokers) {
    if (is_among(goal.drain, broker.id) || draft.has(partition, broker.id) || !draft.emptiest_dir(broker, weight))
      continue;
    if (!goal.add.empty() && !is_among(goal.add, broker.id)) continue;
    const std::pair key{state.brokers.size() - draft.racks_with(partition, replica, broker),
                        draft.fill_of(broker, weight)};
    if (best != nullptr && key >= best_key) continue;
    best = &broker;
    best_key = key;
  }
  return best;
}

Status drain(const State& state, const Goal& goal, Draft& draft) {
  for (const size_t p : by_size(state)) {
    const Partition& partition = state.partitions[p];
    for (size_t i = 0; i < partition.replicas.size(); ++i) {
      if (!is_among(goal.drain, draft.target()[p][i].broker)) continue;
      const Broker* const home = new_home(state, draft, goal, p, i);
      if (home == nullptr)
        return fail(Code::kInvalid,
                    fmt::format("{} has {} replicas, and no broker is left for the one on {}: add one first, "
                                "or drain fewer",
                                partition.name(), partition.replicas.size(), draft.target()[p][i].broker));
      draft.move(p, i, *draft.emptiest_dir(*home, Draft::weight_of(partition)));
    }
  }
  return {};
}

// A replica that can go from one broker to the other, and how much it weighs.
struct Candidate {
  size_t partition = 0, replica = 0;
  double weight = 0;
};

// The largest that leaves the other no fuller than this one becomes. nullopt: there is none.
std::optional<Candidate> candidate_between(const State& state, const Draft& draft, const Broker& from,
                                           const Broker& to) {
  std::optional<Candidate> best;
  for (size_t p = 0; p < state.partitions.size(); ++p) {
    const double weight = Draft::weight_of(state.partitions[p]);
    if ((best && weight <= best->weight) || draft.has(p, to.id)) continue;
    if (draft.fill_of(to, weight) > draft.fill_of(from, -weight)) continue;
    for (size_t i = 0; i < draft.target()[p].size(); ++i) {
      if (draft.target()[p][i].broker != from.id || draft.has_moved(p, i)) continue;
      if (draft.racks_with(p, i, to) < draft.racks_with(p, i, from)) continue;
      best = Candidate{p, i, weight};
    }
  }
  return best;
}

// One replica from the fullest broker to the emptiest, or from the next ones. False: nothing more can be evened.
bool even_step(const State& state, const Goal& goal, Draft& draft) {
  std::vector<const Broker*> brokers, takers;
  double sum = 0;
  for (const Broker& broker : state.brokers) {
    if (is_among(goal.drain, broker.id) || !draft.emptiest_dir(broker, 0)) continue;
    sum += draft.fill_of(broker);
    brokers.push_back(&broker);
    if (goal.even_brokers || is_among(goal.add, broker.id)) takers.push_back(&broker);
  }
  const double near = goal.tolerance * sum / static_cast<double>(std::max<size_t>(1, brokers.size()));
  const auto fuller = [&](const Broker* a, const Broker* b) { return draft.fill_of(*a) > draft.fill_of(*b); };
  std::stable_sort(brokers.begin(), brokers.end(), fuller);
  std::stable_sort(takers.begin(), takers.end(), [&](const Broker* a, const Broker* b) { return fuller(b, a); });
  for (const Broker* const from : brokers) {
    for (const Broker* const to : takers) {
      if (draft.fill_of(*from) - draft.fill_of(*to) <= near) break;
      const auto candidate = candidate_between(state, draft, *from, *to);
      if (!candidate) continue;
      draft.move(candidate->partition, candidate->replica, *draft.emptiest_dir(*to, candidate->weight));
      return true;
    }
  }
  return false;
}

// The largest replica in a dir that leaves the other no fuller than this one becomes.
std::optional<Candidate> candidate_within(const State& state, const Draft& draft, Place from, Place to) {
  std::optional<Candidate> best;
  for (size_t p = 0; p < state.partitions.size(); ++p) {
    const double weight = Draft::weight_of(state.partitions[p]);
    if (best && weight <= best->weight) continue;
    for (size_t i = 0; i < draft.target()[p].size(); ++i) {
      if (draft.target()[p][i] != from || draft.has_moved(p, i)) continue;
      if (draft.fill_of(to, weight) <= draft.fill_of(from, -weight)) best = Candidate{p, i, weight};
    }
  }
  return best;
}

void even_dirs_of(const State& state, const Broker& broker, const Goal& goal, Draft& draft) {
  std::vector<Place> places;
  double sum = 0;
  for (uint32_t d = 0; d < broker.dirs.size(); ++d)
    if (broker.dirs[d].is_online) places.push_back({broker.id, d});
  for (const Place place : places) sum += draft.fill_of(place);
  if (places.size() < 2) return;
  const double near = goal.tolerance * sum / static_cast<double>(places.size());
  while (true) {
    const auto by_fill = [&](Place a, Place b) { return draft.fill_of(a) < draft.fill_of(b); };
    const auto [low, high] = std::minmax_element(places.begin(), places.end(), by_fill);
    if (draft.fill_of(*high) - draft.fill_of(*low) <= near) return;
    const auto candidate = candidate_within(state, draft, *high, *low);
    if (!candidate) return;
    draft.move(candidate->partition, candidate->replica, *low);
  }
}

// Replicas come to these brokers in the place of those that go. Of one rack first, so that the others know what is
// left. REQUIRES: as many go as come, and all that come are there.
void bring(const State& state, const std::vector<int32_t>& brokers, size_t p, bool within_racks, Draft& draft) {
  for (const int32_t id : brokers) {
    if (draft.has(p, id)) continue;
    const Broker& broker = *state.find(id);
    const std::vector<Place>& places = draft.target()[p];
    const auto leaver = std::find_if(places.begin(), places.end(), [&](const Place& place) {
      const Broker* const from = state.find(place.broker);
      const bool same_rack = from != nullptr && from->rack == broker.rack;
      return !is_among(brokers, place.broker) && (same_rack || !within_racks);
    });
    if (leaver == places.end() && within_racks) continue;
    FRESHET_ASSERT(leaver != places.end());
    const auto dir = draft.emptiest_dir(broker, Draft::weight_of(state.partitions[p]));
    draft.move(p, static_cast<size_t>(leaver - places.begin()), *dir);
  }
}

Status check_goal(const State& state, const Goal& goal) {
  for (const std::vector<int32_t>* const ids : {&goal.add, &goal.drain}) {
    for (const int32_t id : *ids)
      if (state.find(id) == nullptr)
        return fail(Code::kInvalid,
                    fmt::format("broker {} is not in the cluster, or is down: a broker is added when it runs, "
                                "and drained before it is stopped",
                                id));
  }
  for (const int32_t id : goal.add)
    if (is_among(goal.drain, id))
      return fail(Code::kInvalid, fmt::format("broker {} can't be both added and drained", id));
  return {};
}

}  // namespace

Result<Target> target_of(const State& state, const Goal& goal) {
  FRESHET_TRY(check_goal(state, goal));
  Draft draft(state);
  FRESHET_TRY(drain(state, goal, draft));
  if (goal.even_brokers || !goal.add.empty()) {
    while (even_step(state, goal, draft)) {
    }
  }
  if (goal.even_dirs)
    for (const Broker& broker : state.brokers) even_dirs_of(state, broker, goal, draft);
  return draft.take();
}

Result<Target> target_from(const State& state, const std::vector<Wanted>& wanted) {
  Draft draft(state);
  for (const Wanted& one : wanted) {
    const auto wrong = [&](const std::string& what) {
      return fail(Code::kInvalid, fmt::format("{}[{}]: {}", one.topic, one.partition, what));
    };
    const auto at = std::find_if(state.partitions.begin(), state.partitions.end(), [&](const Partition& partition) {
      return partition.topic == one.topic && partition.index == one.partition;
    });
    if (at == state.partitions.end()) return wrong("the cluster has no such partition");
    if (one.brokers.size() != at->replicas.size())
      return wrong(fmt::format("it has {} replicas; {} are wanted, and their number is not changed by moving",
                               at->replicas.size(), one.brokers.size()));
    if (std::set<int32_t>(one.brokers.begin(), one.brokers.end()).size() != one.brokers.size())
      return wrong("a broker stands twice");
    const size_t p = static_cast<size_t>(at - state.partitions.begin());
    for (const int32_t id : one.brokers) {
      const Broker* const broker = state.find(id);
      if (!draft.has(p, id) && (broker == nullptr || !draft.emptiest_dir(*broker, 0)))
        return wrong(fmt::format("broker {} is not there, or has no log dir that is online", id));
    }
    bring(state, one.brokers, p, /*within_racks=*/true, draft);
    bring(state, one.brokers, p, /*within_racks=*/false, draft);
  }
  return draft.take();
}

}  // namespace freshet::fleet::rebalance
