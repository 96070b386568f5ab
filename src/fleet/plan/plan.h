// `freshet fleet plan`: what each cluster of a topology uses of what it has, what holds it back first, where its
// replicas go, what it costs, and the cheapest that would do. A pure function of topology, prices and what-ifs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fleet/plan/burst.h"
#include "fleet/plan/compare.h"
#include "fleet/plan/loads.h"
#include "fleet/plan/mirrors.h"
#include "fleet/plan/placement.h"
#include "fleet/plan/sizing.h"

namespace freshet::fleet {

// --lose: brokers that are away all the time.
// These brokers are away for the whole plan, as after an accident: the plan says whether what is left holds.
struct Loss {
  std::string zone;     // as in the file, or what follows its region's name in it: "us-east-1a" or "a"; "": a broker
  std::string cluster;  // of the broker; "": of every one
  uint32_t broker = 0;  // from 1
};
// "zone=a", "broker=2", "broker=front/2". kInvalid: not of this form.
[[nodiscard]] Result<Loss> parse_loss(std::string_view text);

// These are the what-ifs of the command line.
struct PlanOptions {
  uint32_t months = 6;  // of growth that must fit
  std::vector<RateChange> rates = {};
  std::vector<Loss> losses = {};
  std::vector<Outage> outages = {};  // --burst
};
// So many months may be asked for; holds_months looks so far ahead, in such steps.
inline constexpr uint32_t kMonthsMax = 120;
inline constexpr uint32_t kMonthsLookedAhead = 36;
inline constexpr uint32_t kMonthsStep = 3;

// Gives the part of each resource that is in use in one scenario.
struct ScenarioUse {
  Scenario scenario;
  PerResource use{};
};

// Gathers all that is said of one cluster. Figures of the load are after growth and --rate.
struct ClusterPlan {
  std::string name;
  ClusterKind kind = ClusterKind::kBackend;
  std::string region;
  uint32_t zones = 1;
  Load load;  // after growth and changes
  double requests_per_s = 0;
  Size size;
  Cost cost;
  std::vector<ScenarioUse> uses;  // with a loss: of what is left, and nothing else
  Tightness tightness;
  bool holds = false;
  // From now on, with steady growth: the last of the months looked at in which it holds; none: it does not hold today.
  std::optional<uint32_t> holds_months;
  std::vector<PlacedBroker> brokers;  // how the plan places replicas, on the size as it is
  double dir_use_max = 0;             // of a log dir, as placed
  Availability left;                  // with a loss
  std::optional<Size> best;           // the cheapest that holds; nullopt: none does
  Cost best_cost;
};

// One way to do the same work.
struct Variant {
  std::string name;
  size_t clusters = 0;
  uint32_t brokers = 0;
  size_t without_size = 0;  // clusters that nothing in the prices holds: not in the cost
  Cost cost;
  BlastRadius blast;
};
struct Comparison {
  Variant split;  // each cluster at its cheapest size
  Variant whole;  // one cluster for each region, or the other file: at its cheapest size, too
};

// This is the answer. It owns all that it says: topology and prices may be gone.
struct Plan {
  std::string fleet;
  std::string prices;  // their source
  PerResource limits{};
  PlanOptions options;
  size_t topics = 0;
  double messages_per_s = 0;  // that services send: without what mirrors copy
  std::vector<ClusterPlan> clusters;
  Cost cost;
  Cost best_cost;
  std::optional<Comparison> comparison;  // none: the fleet is one cluster for each region already
  std::vector<Burst> bursts;
  std::vector<MirrorPlan> mirrors;
};

inline constexpr double kRoundingMax = 1e-9;  // by which a part of a limit may be over it
// Clusters that do not hold, or that nothing holds.
[[nodiscard]] bool holds(const Plan& plan);

// Every machine and volume type of the topology must be in the prices: what is not becomes a problem.
[[nodiscard]] bool check_priced(const Topology& fleet, const Prices& prices, yaml::Problems& problems);

// `against`: another way to do the same work; null: one cluster for each region. REQUIRES: check_priced of both.
// kInvalid: an option names what is not there.
[[nodiscard]] Result<Plan> plan_fleet(const Topology& fleet, const Topology* against, const PlanOptions& options,
                                      const Prices& prices);

// The topology with each cluster at its cheapest size, where there is one.
[[nodiscard]] Topology resized(Topology fleet, const Plan& plan);

}  // namespace freshet::fleet
