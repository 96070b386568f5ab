// Puts a plan together: rates of the month that is asked for, loads, placement, use, the cheapest size, cost,
// comparison, bursts. The parts are in files of their own and know nothing of each other; what has to agree between
// them (zones dealt in turn, replicas cut to the brokers that there are) is decided here.
#include "fleet/plan/plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/assert.h"
#include "base/number.h"
#include "yaml/reader.h"

namespace freshet::fleet {
namespace {

constexpr double kBytesPerGb = 1e9;
constexpr double kGib = 1ull << 30;
// A partition's leader has these parts of what it gets and gives as load, and its followers that of what they get:
// Cruise Control's static model.
constexpr double kLeaderIn = 0.7, kLeaderOut = 0.15, kFollowerIn = 0.15;

uint32_t zone_of(const Cluster& cluster, uint32_t broker) {
  // Zones are dealt in turn, as scenarios_of() counts and as render deals them.
  FRESHET_ASSERT(!cluster.zones.empty());
  return broker % static_cast<uint32_t>(cluster.zones.size());
}

Placement place_cluster(const Topology& fleet, const Rates& rates, const std::vector<Index>& topics, Index index) {
  const Cluster& cluster = fleet.clusters[index];
  std::vector<TopicToPlace> to_place;
  for (const Index t : topics) {
    const Topic& topic = fleet.topics[t];
    const TopicRates& each = rates.topics[t];
    const double in = each.in_bytes_per_s * topic.peak_factor / topic.partitions;
    const double out = each.out_bytes_per_s * topic.peak_factor / topic.partitions;
    to_place.push_back({.name = topic.name,
                        .partitions = topic.partitions,
                        .replication = std::min(topic.replication, cluster.brokers),  // lint refuses more
                        .replica_bytes = each.disk_bytes() / topic.partitions,
                        .leader_load = kLeaderIn * in + kLeaderOut * out,
                        .follower_load = kFollowerIn * in});
  }
  std::vector<uint32_t> zones;
  for (uint32_t broker = 0; broker < cluster.brokers; ++broker) zones.push_back(zone_of(cluster, broker));
  return place(to_place, zones, cluster.volumes.count);
}

// Clouds name a zone after its region and a letter, so --lose zone=a is the zone "a" of every region.
bool is_zone(const Topology& fleet, const Cluster& cluster, uint32_t broker, const std::string& named) {
  const std::string& zone = cluster.zones[zone_of(cluster, broker)];
  return zone == named || zone == fleet.regions[cluster.region].name + named;
}

bool is_lost(const Topology& fleet, const Cluster& cluster, uint32_t broker, const Loss& loss) {
  if (!loss.zone.empty()) return is_zone(fleet, cluster, broker, loss.zone);
  return (loss.cluster.empty() || loss.cluster == cluster.name) && loss.broker == broker + 1;
}

std::vector<bool> away_of(const Topology& fleet, const Cluster& cluster, const std::vector<Loss>& losses) {
  std::vector<bool> away(cluster.brokers);
  for (uint32_t broker = 0; broker < cluster.brokers; ++broker) {
    for (const Loss& loss : losses) away[broker] = away[broker] || is_lost(fleet, cluster, broker, loss);
  }
  return away;
}

// A loss that hits nothing is a mistake, and would look like good news.
Status check_losses(const Topology& fleet, const std::vector<Loss>& losses) {
  for (const Loss& loss : losses) {
    bool found = false;
    for (const Cluster& cluster : fleet.clusters) {
      const std::vector<bool> away = away_of(fleet, cluster, {loss});
      found = found || std::find(away.begin(), away.end(), true) != away.end();
    }
    if (found) continue;
    const std::string what =
        !loss.zone.empty() ? "zone=" + loss.zone
                           : "broker=" + (loss.cluster.empty() ? "" : loss.cluster + "/") + std::to_string(loss.broker);
    return fail(Code::kInvalid, "--lose " + what + ": no cluster has a broker there (brokers are counted from 1)");
  }
  return {};
}

// The prices where each cluster is.
class PricesByCluster {
 public:
  PricesByCluster(const Topology& fleet, const Prices& prices) {
    for (const Region& region : fleet.regions) regions_.push_back(prices.in(region));
    for (const Cluster& cluster : fleet.clusters) region_of_.push_back(cluster.region);
  }
  [[nodiscard]] const Prices& of(size_t cluster) const { return regions_.at(region_of_.at(cluster)); }

 private:
  std::vector<Prices> regions_;
  std::vector<Index> region_of_;
};

// Sums for each cluster the costs that its size doesn't change: traffic between zones and regions, mirrors,
// controllers, remote storage.
std::vector<Cost> fixed_costs(const Topology& fleet, const Rates& rates, const PricesByCluster& by_cluster) {
  const std::vector<double> cross_zone = cross_zone_bytes_of(fleet, rates);
  std::vector<Cost> out(fleet.clusters.size());
  for (size_t i = 0; i < out.size(); ++i) {
    const Cluster& cluster = fleet.clusters[i];
    const Prices& prices = by_cluster.of(i);
    // 0 controllers: the first brokers have that role, and cost nothing more.
    const double controllers = cluster.controllers;
    if (controllers > 0)
      out[i].controllers =
          controllers * prices.find_instance(cluster.controller_instance)->usd_per_hour * prices.hours_per_month;
    out[i].cross_zone = cross_zone[i] * prices.hours_per_month * 3600 / kBytesPerGb * prices.cross_zone_usd_per_gb;
  }
  for (size_t i = 0; i < fleet.topics.size(); ++i) {
    const Index cluster = fleet.topics[i].cluster;
    out[cluster].remote += rates.topics[i].remote_bytes / kGib * by_cluster.of(cluster).remote_usd_per_gib_month;
  }
  for (const Mirror& mirror : fleet.mirrors) {
    double bytes = 0;
    for (const MirroredTopic& topic : mirror.topics) bytes += rates.topics[topic.from].in_bytes_per_s;
    // A mirror runs beside its target; what leaves a region is paid where it leaves.
    const Prices& prices = by_cluster.of(mirror.to);
    Cost& cost = out[mirror.to];
    cost.mirrors += use_of(fleet, mirror, mirror.kind, prices).usd_per_month;
    if (fleet.clusters[mirror.from].region != fleet.clusters[mirror.to].region)
      cost.cross_region +=
          bytes * prices.hours_per_month * 3600 / kBytesPerGb * by_cluster.of(mirror.from).cross_region_usd_per_gb;
  }
  return out;
}

std::vector<std::vector<Index>> topics_by_cluster(const Topology& fleet) {
  std::vector<std::vector<Index>> out(fleet.clusters.size());
  for (size_t i = 0; i < fleet.topics.size(); ++i) out[fleet.topics[i].cluster].push_back(static_cast<Index>(i));
  return out;
}

// Everything that is asked about the clusters as the file has them, at one time.
struct Moment {
  explicit Moment(Topology projected)
      : fleet(std::move(projected)), rates(rates_of(fleet)), loads(loads_of(fleet, rates)) {}
  Topology fleet;
  Rates rates;
  std::vector<Load> loads;
};

bool is_within(const Tightness& tightness) { return tightness.part <= 1 + kRoundingMax; }

void use_cluster(const Moment& moment, Index index, const PlanOptions& options, const Prices& prices,
                 const Placement& placement, ClusterPlan& out) {
  const Cluster& cluster = moment.fleet.clusters[index];
  // With --lose it is said what is away: then that is the only scenario, and what is left without it is what counts.
  std::vector<Scenario> scenarios = scenarios_of(cluster.brokers, cluster.zones.size());
  if (!options.losses.empty()) {
    const std::vector<bool> away = away_of(moment.fleet, cluster, options.losses);
    const auto gone = static_cast<double>(std::count(away.begin(), away.end(), true));
    const double all = cluster.brokers;
    scenarios = {{gone > 0 ? Scenario::Kind::kLost : Scenario::Kind::kWhole, {all - gone, all}}};
    std::vector<uint32_t> min_isr;
    for (const Topic& topic : moment.fleet.topics) {
      if (topic.cluster == index) min_isr.push_back(topic.min_isr);
    }
    out.left = availability(placement, min_isr, away);
  }
  const BrokerShape shape = shape_of(out.size, prices);
  for (const Scenario& scenario : scenarios)
    out.uses.push_back({scenario, use_of(out.load, shape, scenario.present, prices)});
  out.tightness = tightness_of(out.load, shape, scenarios, prices);
  out.holds = is_within(out.tightness) && out.left.offline == 0 && out.left.read_only == 0;
}

ClusterPlan plan_cluster(const Moment& moment, const std::vector<Index>& topics, Index index, const Cost& fixed,
                         const PlanOptions& options, const Prices& prices) {
  const Cluster& cluster = moment.fleet.clusters[index];
  ClusterPlan out;
  out.name = cluster.name;
  out.kind = cluster.kind;
  out.region = moment.fleet.regions[cluster.region].name;
  out.zones = static_cast<uint32_t>(cluster.zones.size());
  out.load = moment.loads[index];
  out.requests_per_s = produce_requests(out.load, cluster.brokers);
  out.size = size_of(cluster);
  out.cost = cost_of(out.size, prices);
  out.cost += fixed;
  const Placement placement = place_cluster(moment.fleet, moment.rates, topics, index);
  use_cluster(moment, index, options, prices, placement, out);
  out.brokers = placement.brokers;
  for (const PlacedBroker& broker : out.brokers) {
    for (const double bytes : broker.dir_bytes)
      out.dir_use_max = std::max(out.dir_use_max, bytes / static_cast<double>(cluster.volumes.size_bytes));
  }
  out.best = cheapest_size(out.load, cluster.zones.size(), cluster.volumes.type, prices);
  if (out.best) {
    out.best_cost = cost_of(*out.best, prices);
    out.best_cost += fixed;
  }
  return out;
}

// Finds the months in which each cluster holds. Only where something grows is there more than one answer.
void look_ahead(const Topology& fleet, const PlanOptions& options, const Prices& prices,
                std::vector<ClusterPlan>& plans) {
  // Once over, always over: growth is steady, and a later month that fits by a rounding would be no answer.
  FRESHET_ASSERT(plans.size() == fleet.clusters.size());
  std::vector<bool> over(plans.size());
  const bool grows = std::any_of(fleet.topics.begin(), fleet.topics.end(),
                                 [](const Topic& topic) { return topic.growth_percent_per_month > 0; });
  Topology later = fleet;
  if (!project(later, 0, options.rates)) return;
  for (uint32_t month = 0; month <= kMonthsLookedAhead; month += kMonthsStep) {
    const std::vector<Load> loads = loads_of(later, rates_of(later));
    for (size_t i = 0; i < plans.size(); ++i) {
      const Cluster& cluster = fleet.clusters[i];
      const BrokerShape shape = shape_of(plans[i].size, prices);
      over[i] = over[i] ||
                !is_within(tightness_of(loads[i], shape, scenarios_of(cluster.brokers, cluster.zones.size()), prices));
      if (!over[i]) plans[i].holds_months = grows ? month : kMonthsLookedAhead;
    }
    if (!grows || !project(later, kMonthsStep, {})) return;
  }
}

// Costs the topology with each cluster at its cheapest size.
Variant variant_of(std::string name, const Moment& moment, const Prices& all_prices) {
  Variant out;
  out.name = std::move(name);
  Topology sized = moment.fleet;
  const PricesByCluster by_cluster(moment.fleet, all_prices);
  const std::vector<Cost> fixed = fixed_costs(moment.fleet, moment.rates, by_cluster);
  // A cluster that nothing holds is left out of the cost; `without_size` says so, else the variant would look cheap.
  FRESHET_ASSERT(fixed.size() == sized.clusters.size() && moment.loads.size() == sized.clusters.size());
  for (size_t i = 0; i < sized.clusters.size(); ++i) {
    Cluster& cluster = sized.clusters[i];
    const Prices& prices = by_cluster.of(i);
    const auto best = cheapest_size(moment.loads[i], cluster.zones.size(), cluster.volumes.type, prices);
    if (!best) {
      ++out.without_size;
      continue;
    }
    set_size(cluster, *best);
    out.brokers += best->brokers;
    out.cost += cost_of(*best, prices);
    out.cost += fixed[i];
  }
  out.clusters = sized.clusters.size();
  out.blast = blast_radius_of(sized);
  return out;
}

void check_instance(const std::string& name, yaml::Place at, const std::string& key, const Prices& prices,
                    yaml::Problems& problems) {
  if (prices.find_instance(name) != nullptr) return;
  std::vector<std::string> names;
  for (const InstancePrice& known : prices.instances) names.push_back(known.name);
  problems.add(at, key + ": there is no price for \"" + name + "\": " + yaml::join_names(names) + " have one" +
                       yaml::did_you_mean(name, names));
}

double sent_by_services(const Topology& fleet) {
  double sent = 0;
  for (const ProducerRates& producer : rates_of(fleet).producers) sent += producer.messages_per_s;
  return sent;
}

}  // namespace

Result<Loss> parse_loss(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::kInvalid, "--lose " + std::string(text) +
                                    ": must be zone=ZONE, broker=N or broker=CLUSTER/N with N from 1, as in zone=a or "
                                    "broker=front/2");
  };
  Loss out;
  if (text.starts_with("zone=") && text.size() > 5) {
    out.zone = text.substr(5);
    return out;
  }
  if (!text.starts_with("broker=")) return wrong();
  std::string_view number = text.substr(7);
  if (const size_t slash = number.rfind('/'); slash != std::string_view::npos) {
    out.cluster = number.substr(0, slash);
    number = number.substr(slash + 1);
  }
  out.broker = to_number<uint32_t>(number).value_or(0);
  return out.broker > 0 ? Result<Loss>(out) : wrong();
}

bool holds(const Plan& plan) {
  return std::all_of(plan.clusters.begin(), plan.clusters.end(), [](const ClusterPlan& c) { return c.holds; });
}

bool check_priced(const Topology& fleet, const Prices& prices, yaml::Problems& problems) {
  std::vector<std::string> volumes;
  for (const VolumePrice& volume : prices.volumes) volumes.push_back(volume.name);
  for (const Cluster& cluster : fleet.clusters) {
    check_instance(cluster.instance, cluster.where.of("instance"), "instance", prices, problems);
    if (cluster.controllers > 0)
      check_instance(cluster.controller_instance, cluster.where.of("controller_instance"), "controller_instance",
                     prices, problems);
    if (prices.find_volume(cluster.volumes.type) != nullptr) continue;
    problems.add(cluster.volumes_where.of("type"), "volumes.type: there is no price for \"" + cluster.volumes.type +
                                                       "\": " + yaml::join_names(volumes) + " have one" +
                                                       yaml::did_you_mean(cluster.volumes.type, volumes));
  }
  return problems.empty();
}

Result<Plan> plan_fleet(const Topology& fleet, const Topology* against, const PlanOptions& options,
                        const Prices& prices) {
  Topology projected = fleet;
  FRESHET_TRY(project(projected, options.months, options.rates));
  FRESHET_TRY(check_losses(fleet, options.losses));
  const Moment moment(std::move(projected));
  Plan plan;
  plan.fleet = fleet.name;
  plan.prices = prices.source;
  for (const Region& region : fleet.regions)
    if (!prices.knows(region.name) && region.prices.empty())
      plan.prices += "; none are known of " + region.name + ", which is counted as " + prices.region;
  plan.limits = limits_of(prices);
  plan.options = options;
  plan.topics = fleet.topics.size();
  plan.messages_per_s = sent_by_services(moment.fleet);
  const PricesByCluster by_cluster(moment.fleet, prices);
  plan.mirrors = plan_mirrors(moment.fleet, prices);
  const std::vector<Cost> fixed = fixed_costs(moment.fleet, moment.rates, by_cluster);
  const std::vector<std::vector<Index>> topics = topics_by_cluster(moment.fleet);
  for (size_t i = 0; i < fleet.clusters.size(); ++i) {
    const auto index = static_cast<Index>(i);
    plan.clusters.push_back(plan_cluster(moment, topics[i], index, fixed[i], options, by_cluster.of(i)));
    plan.cost += plan.clusters.back().cost;
    plan.best_cost += plan.clusters.back().best_cost;
  }
  FRESHET_ASSERT(plan.clusters.size() == fleet.clusters.size());
  look_ahead(fleet, options, prices, plan.clusters);
  Topology other = against == nullptr ? merged(moment.fleet) : *against;
  if (against != nullptr) FRESHET_TRY(project(other, options.months, options.rates));
  if (against != nullptr || other.clusters.size() < fleet.clusters.size()) {
    const std::string name = against == nullptr ? "one for each region" : against->name;
    plan.comparison = {variant_of(fleet.name, moment, prices), variant_of(name, Moment(std::move(other)), prices)};
  }
  std::vector<BrokerShape> shapes;
  for (const ClusterPlan& cluster : plan.clusters) shapes.push_back(shape_of(cluster.size, prices));
  for (const Outage& outage : options.outages) {
    FRESHET_ASSIGN(auto burst, fleet::burst(moment.fleet, moment.loads, shapes, outage, prices));
    plan.bursts.push_back(std::move(burst));
  }
  return plan;
}

Topology resized(Topology fleet, const Plan& plan) {
  FRESHET_ASSERT(plan.clusters.size() == fleet.clusters.size());
  for (size_t i = 0; i < plan.clusters.size(); ++i) {
    if (plan.clusters[i].best) set_size(fleet.clusters[i], *plan.clusters[i].best);
  }
  return fleet;
}

}  // namespace freshet::fleet
