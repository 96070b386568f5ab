// Greedy: the busiest broker hands over the partition that helps most, until nothing helps. An optimum would save a
// little traffic, and nobody could follow why a leader moved.
#include "fleet/rebalance/leaders.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/saturated.h"
#include "fleet/text.h"

namespace freshet::fleet::rebalance {
namespace {

constexpr size_t kLeadersAtOnce = 200;  // in one request: the controller writes a record for each
constexpr env::TimeUs kLookAtLeadersUs = 500'000;
constexpr int kLooksAtLeadersMax = 120;
constexpr size_t kLeadersShown = 20;

// Who leads what, and how much that is, while the plan is made.
class LeaderDraft {
 public:
  explicit LeaderDraft(const State& state) : state_(state), first_(state.partitions.size(), 0) {
    double sum = 0;
    for (const Partition& partition : state.partitions) sum += partition.in_bytes_per_s;
    const auto count = static_cast<double>(std::max<size_t>(1, state.partitions.size()));
    each_ = sum > 0 ? sum / count / 2 : 1;
    for (const Broker& broker : state.brokers) loads_[broker.id] = 0;
    for (size_t p = 0; p < state.partitions.size(); ++p) {
      if (state.partitions[p].replicas.empty()) continue;
      const int32_t broker = leader_of(p);
      if (loads_.contains(broker)) loads_[broker] += weight_of(p);
      of_broker_[broker].push_back(p);
    }
  }

  [[nodiscard]] int32_t leader_of(size_t p) const { return state_.partitions[p].replicas[first_[p]].place.broker; }
  [[nodiscard]] size_t first_of(size_t p) const { return first_[p]; }

  // One partition from the busiest broker that can give one, to whom that makes least busy. False: nothing is gained.
  bool step(double tolerance) {
    double sum = 0;
    std::vector<std::pair<double, int32_t>> brokers;
    for (const auto& [broker, load] : loads_) {
      brokers.emplace_back(load, broker);
      sum += load;
    }
    if (brokers.empty()) return false;
    std::sort(brokers.rbegin(), brokers.rend());
    const double near = tolerance * sum / static_cast<double>(brokers.size());
    for (const auto& [load, broker] : brokers) {
      if (load - brokers.back().first <= near) return false;
      if (give_one(broker)) return true;
    }
    return false;
  }

 private:
  [[nodiscard]] double weight_of(size_t p) const { return state_.partitions[p].in_bytes_per_s + each_; }

  bool give_one(int32_t from) {
    std::vector<size_t>& led = of_broker_[from];
    double best = loads_[from];
    size_t best_at = 0, best_first = 0;
    bool found = false;
    for (size_t at = 0; at < led.size(); ++at) {
      const std::vector<Replica>& replicas = state_.partitions[led[at]].replicas;
      for (size_t i = 0; i < replicas.size(); ++i) {
        const auto to = loads_.find(replicas[i].place.broker);
        if (i == first_[led[at]] || to == loads_.end()) continue;
        const double weight = weight_of(led[at]);
        const double worst = std::max(loads_[from] - weight, to->second + weight);
        if (worst >= best * (1 - 1e-9)) continue;
        best = worst;
        best_at = at;
        best_first = i;
        found = true;
      }
    }
    if (!found) return false;
    const size_t p = led[best_at];
    led.erase(led.begin() + static_cast<std::ptrdiff_t>(best_at));
    loads_[from] -= weight_of(p);
    first_[p] = best_first;
    loads_[leader_of(p)] += weight_of(p);
    of_broker_[leader_of(p)].push_back(p);
    return true;
  }

  const State& state_;
  std::vector<size_t> first_;  // of each partition: the place in its list of the replica that is to lead
  double each_ = 1;            // what a partition counts for beside its rate
  std::map<int32_t, double> loads_;
  std::map<int32_t, std::vector<size_t>> of_broker_;
};

void count_leader(std::map<int32_t, Leads>& all, int32_t broker, const Partition& partition) {
  Leads& leads = all[broker];
  ++leads.partitions;
  leads.in_bytes_per_s += partition.in_bytes_per_s;
}

// The others keep their order.
std::vector<int32_t> led_by(const Partition& partition, size_t first) {
  std::vector<int32_t> out{partition.replicas[first].place.broker};
  for (size_t i = 0; i < partition.replicas.size(); ++i)
    if (i != first) out.push_back(partition.replicas[i].place.broker);
  return out;
}

// Until the new orders are there; without a replica that comes or goes that is a moment.
Status wait_for_orders(Port& port, env::Clock& clock) {
  for (int i = 0; i < kLooksAtLeadersMax; ++i) {
    FRESHET_ASSIGN(const auto moving, port.moving());
    if (moving.empty()) return {};
    clock.sleep_us(kLookAtLeadersUs);
  }
  return fail(Code::kRetry, "the new orders of replicas have not become true within a minute; do it again");
}

}  // namespace

LeadersPlan plan_leaders(const State& state, double tolerance) {
  LeaderDraft draft(state);
  // Each step makes the busiest of two brokers less busy, so it ends; the bound is for sums that are not exact.
  for (size_t left = 4 * state.partitions.size(); left > 0 && draft.step(tolerance); --left) {
  }
  LeadersPlan plan;
  for (const Broker& broker : state.brokers) plan.before[broker.id] = plan.after[broker.id] = {};
  for (size_t p = 0; p < state.partitions.size(); ++p) {
    const Partition& partition = state.partitions[p];
    if (partition.replicas.empty()) continue;
    count_leader(plan.before, partition.replicas[0].place.broker, partition);
    count_leader(plan.after, draft.leader_of(p), partition);
    if (draft.first_of(p) != 0) {
      plan.reordered.push_back({partition.topic, partition.index, led_by(partition, draft.first_of(p))});
    } else if (partition.leader != partition.replicas[0].place.broker) {
      plan.elected.push_back({partition.topic, partition.index, std::nullopt});
    }
  }
  return plan;
}

Status move_leaders(Port& port, env::Clock& clock, const LeadersPlan& plan,
                    const std::function<void(const std::string&)>& tell) {
  FRESHET_ASSIGN(const auto others, port.moving());
  if (!others.empty())
    return fail(Code::kConflict, others.front().name() + " is moved by somebody now: wait until nothing is");
  for (size_t at = 0; at < plan.reordered.size(); at += kLeadersAtOnce) {
    const size_t end = std::min(at + kLeadersAtOnce, plan.reordered.size());
    const std::vector<Assignment> some(plan.reordered.begin() + static_cast<std::ptrdiff_t>(at),
                                       plan.reordered.begin() + static_cast<std::ptrdiff_t>(end));
    FRESHET_TRY(port.assign(some));
    FRESHET_TRY(wait_for_orders(port, clock));
    FRESHET_TRY(port.elect(some));
    tell(fmt::format("{} of {} have their new leader", end, plural(plan.reordered.size(), "partition")));
  }
  return plan.elected.empty() ? Status{} : port.elect(plan.elected);
}

std::string text_of_leaders(const LeadersPlan& plan) {
  if (plan.reordered.empty() && plan.elected.empty()) return "leaders are even\n";
  std::string out =
      fmt::format("{} get another leader; no replica moves\n", plural(plan.reordered.size(), "partition"));
  for (size_t i = 0; i < plan.reordered.size() && i < kLeadersShown; ++i)
    out += fmt::format("  {}[{}]  broker {} -> {}\n", plan.reordered[i].topic, plan.reordered[i].partition,
                       plan.reordered[i].replicas->at(1), plan.reordered[i].replicas->at(0));
  if (plan.reordered.size() > kLeadersShown)
    out += fmt::format("  and {} more\n", plan.reordered.size() - kLeadersShown);
  if (!plan.elected.empty())
    out += fmt::format("{} led by another than their preferred leader: it is elected\n",
                       plural(plan.elected.size(), "partition"));
  out += "\nbroker  leads now         leads then\n";
  for (const auto& [broker, now] : plan.before) {
    const Leads& then = plan.after.at(broker);
    out += fmt::format("{:<6}  {:>5} {:>10}  {:>5} {:>10}\n", broker, now.partitions, rate_text(now.in_bytes_per_s),
                       then.partitions, rate_text(then.in_bytes_per_s));
  }
  return out;
}

void write_leaders(JsonWriter& json, const LeadersPlan& plan) {
  json.begin_object().key("leaders").array(plan.reordered, [](JsonWriter& list, const Assignment& one) {
    list.begin_object().member("topic", one.topic).member("partition", one.partition);
    list.key("replicas").array(*one.replicas).end_object();
  });
  json.member("elected", plan.elected.size()).key("brokers").begin_array();
  for (const auto& [broker, now] : plan.before) {
    const Leads& then = plan.after.at(broker);
    json.begin_object().member("broker", broker).member("leads_now", now.partitions).member("leads", then.partitions);
    json.member("in_bytes_per_s_now", whole_number(now.in_bytes_per_s));
    json.member("in_bytes_per_s", whole_number(then.in_bytes_per_s)).end_object();
  }
  json.end_array().end_object();
}

}  // namespace freshet::fleet::rebalance
