// The plan for programs; docs/fleet/plan.md lists the keys, which are part of the public surface: a key may be added,
// none is renamed or given another unit.
#include <fmt/format.h>

#include <cmath>

#include "fleet/plan/report.h"
#include "model/json.h"

namespace freshet::fleet {
namespace {

// Objects and lists that are built from the inside out.
class Object {
 public:
  Object& add(std::string_view key, const std::string& value) { return raw(key, text(value)); }
  Object& add(std::string_view key, double value) {
    return raw(key, std::isfinite(value) ? fmt::format("{}", value) : "null");  // nothing left to use: no number
  }
  Object& add(std::string_view key, const std::optional<double>& value) {
    return value ? add(key, *value) : raw(key, "null");
  }
  Object& add_flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  Object& raw(std::string_view key, const std::string& value) {
    out_ += (out_.empty() ? "" : ",") + text(key) + ":" + value;
    return *this;
  }
  [[nodiscard]] std::string done() const { return "{" + out_ + "}"; }

 private:
  static std::string text(std::string_view value) {
    std::string out;
    model::append_json_string(out, value);
    return out;
  }
  std::string out_;
};

template <class Items, class Write>
std::string json_list(const Items& items, const Write& write) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ",") + write(item);
  return "[" + out + "]";
}

std::string resources(const PerResource& values) {
  Object out;
  for (size_t i = 0; i < kResources; ++i) out.add(name_of(static_cast<Resource>(i)), values[i]);
  return out.done();
}

std::string cost(const Cost& cost) {
  return Object()
      .add("brokers", cost.brokers)
      .add("volumes", cost.volumes)
      .add("care", cost.care)
      .add("controllers", cost.controllers)
      .add("cross_zone", cost.cross_zone)
      .add("cross_region", cost.cross_region)
      .add("mirrors", cost.mirrors)
      .add("total", cost.total())
      .done();
}

std::string size(const Size& size) {
  return Object()
      .add("instance", size.instance)
      .add("brokers", size.brokers)
      .add("volumes", size.volumes)
      .add("volume_type", size.volume_type)
      .add("volume_gib", size.volume_gib)
      .add("iops", size.iops)
      .add("throughput_mib_per_s", size.throughput_mib_per_s)
      .done();
}

std::string load(const ClusterPlan& cluster) {
  const Flow& peak = cluster.load.peak;
  return Object()
      .add("messages_per_s_peak", peak.messages_in)
      .add("in_bytes_per_s_peak", peak.in_bytes)
      .add("replicated_bytes_per_s_peak", peak.replicated_bytes)
      .add("out_bytes_per_s_peak", peak.out_bytes)
      .add("produce_requests_per_s_peak", cluster.requests_per_s)
      .add("kept_bytes", kept_bytes(cluster.load, cluster.size.brokers))
      .add("largest_replica_bytes", cluster.load.largest_replica_bytes)
      .add("replicas", replicas(cluster.load, cluster.size.brokers))
      .done();
}

std::string broker(const PlacedBroker& broker) {
  return Object()
      .add("zone", broker.zone)
      .add("leaders", broker.leaders)
      .add("replicas", broker.replicas)
      .raw("log_dir_bytes", json_list(broker.dir_bytes, [](double bytes) { return fmt::format("{}", bytes); }))
      .done();
}

std::string cluster_json(const ClusterPlan& cluster) {
  const Tightness& tightness = cluster.tightness;
  Object out;
  out.add("name", cluster.name)
      .add("kind", std::string(name_of(cluster.kind)))
      .add("region", cluster.region)
      .add("zones", cluster.zones)
      .raw("load", load(cluster))
      .raw("size", size(cluster.size))
      .raw("cost", cost(cluster.cost))
      .raw("uses", json_list(cluster.uses,
                             [](const ScenarioUse& use) {
                               return Object()
                                   .add("scenario", std::string(name_of(use.scenario.kind)))
                                   .raw("use", resources(use.use))
                                   .done();
                             }))
      .raw("tightest", Object()
                           .add("resource", std::string(name_of(tightness.resource)))
                           .add("scenario", std::string(name_of(tightness.scenario)))
                           .add("use", tightness.use)
                           .add("limit", tightness.limit)
                           .done())
      .add_flag("holds", cluster.holds)
      .add("holds_months", cluster.holds_months ? std::optional<double>(*cluster.holds_months) : std::nullopt)
      .raw("brokers", json_list(cluster.brokers, broker))
      .add("log_dir_use_max", cluster.dir_use_max)
      .raw("left", Object()
                       .add("partitions", static_cast<double>(cluster.left.partitions))
                       .add("offline", static_cast<double>(cluster.left.offline))
                       .add("read_only", static_cast<double>(cluster.left.read_only))
                       .done());
  out.raw("cheapest", cluster.best ? size(*cluster.best) : "null");
  out.raw("cheapest_cost", cluster.best ? cost(cluster.best_cost) : "null");
  return out.done();
}

std::string variant(const Variant& variant) {
  const BlastRadius& blast = variant.blast;
  return Object()
      .add("name", variant.name)
      .add("clusters", static_cast<double>(variant.clusters))
      .add("brokers", variant.brokers)
      .add("without_size", static_cast<double>(variant.without_size))
      .raw("cost", cost(variant.cost))
      .raw("blast_radius", Object()
                               .add("worst_cluster", blast.worst)
                               .add("services_worst", blast.services_worst)
                               .add("services_mean", blast.services_mean)
                               .add("fed_worst", blast.fed_worst)
                               .add("traffic_worst", blast.traffic_worst)
                               .add("traffic_mean", blast.traffic_mean)
                               .done())
      .done();
}

std::string burst_cluster(const ClusterBurst& cluster) {
  return Object()
      .add("cluster", cluster.cluster)
      .add("usual_per_s", cluster.usual)
      .add("peak_per_s", cluster.messages_max)
      .add("most_per_s", cluster.most)
      .add("first_full", std::string(name_of(cluster.bottleneck)))
      .add("cpu_before", cluster.cpu_before)
      .add("cpu_peak", cluster.cpu_max)
      .add("use_before", cluster.use_before)
      .add("use_peak", cluster.use_max)
      .add("latency_times", cluster.latency_times)
      .add("waiting_max", cluster.waiting_max)
      .add("recovered_minutes", cluster.recovered_minutes)
      .done();
}

std::string burst_json(const Burst& burst) {
  return Object()
      .add("service", burst.outage.service)
      .add("outage_minutes", burst.outage.minutes)
      .add("catch_up", burst.outage.catch_up)
      .add("usual_per_s", burst.usual)
      .add("backlog", burst.backlog)
      .add("sent_minutes", burst.sent_minutes)
      .raw("clusters", json_list(burst.clusters, burst_cluster))
      .raw("groups", json_list(burst.groups,
                               [](const GroupBurst& group) {
                                 return Object()
                                     .add("group", group.group)
                                     .add("cluster", group.cluster)
                                     .add("usual_per_s", group.usual)
                                     .add("most_per_s", group.most)
                                     .add("lag_max", group.lag_max)
                                     .add("recovered_minutes", group.recovered_minutes)
                                     .done();
                               }))
      .done();
}

}  // namespace

std::string json_report(const Plan& plan) {
  return Object()
      .add_flag("ok", holds(plan))
      .add("fleet", plan.fleet)
      .add("prices", plan.prices)
      .add("months", plan.options.months)
      .add("topics", static_cast<double>(plan.topics))
      .add("messages_per_s", plan.messages_per_s)
      .raw("cost", cost(plan.cost))
      .raw("cheapest_cost", cost(plan.best_cost))
      .raw("clusters", json_list(plan.clusters, cluster_json))
      .raw("split", plan.comparison ? variant(plan.comparison->split) : "null")
      .raw("whole", plan.comparison ? variant(plan.comparison->whole) : "null")
      .raw("bursts", json_list(plan.bursts, burst_json))
      .done();
}

}  // namespace freshet::fleet
