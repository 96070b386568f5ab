// The plan for programs; docs/fleet/plan.md lists the keys, which are part of the public surface: a key may be added,
// none is renamed or given another unit.
#include <fmt/core.h>

#include <cmath>
#include <initializer_list>
#include <utility>

#include "base/json_writer.h"
#include "fleet/plan/report.h"

namespace freshet::fleet {
namespace {

// Members of an object that are floating-point numbers, as fmt writes them.
void write_numbers(JsonWriter& json,
                   std::initializer_list<std::pair<std::string_view, std::optional<double>>> members) {
  for (const auto& [key, value] : members) {
    json.key(key);
    // Where nothing is left to use, there is no number.
    value&& std::isfinite(*value) ? json.raw(fmt::format("{}", *value)) : json.null();
  }
}

void write_resources(JsonWriter& json, const PerResource& values) {
  json.begin_object();
  for (size_t i = 0; i < kResources; ++i) write_numbers(json, {{name_of(static_cast<Resource>(i)), values[i]}});
  json.end_object();
}

void write_cost(JsonWriter& json, const Cost& cost) {
  json.begin_object();
  write_numbers(json, {{"brokers", cost.brokers},
                       {"volumes", cost.volumes},
                       {"care", cost.care},
                       {"controllers", cost.controllers},
                       {"cross_zone", cost.cross_zone},
                       {"cross_region", cost.cross_region},
                       {"mirrors", cost.mirrors},
                       {"remote", cost.remote},
                       {"total", cost.total()}});
  json.end_object();
}

void write_size(JsonWriter& json, const Size& size) {
  json.begin_object().member("instance", size.instance);
  json.member("brokers", size.brokers).member("volumes", size.volumes).member("volume_type", size.volume_type);
  write_numbers(
      json,
      {{"volume_gib", size.volume_gib}, {"iops", size.iops}, {"throughput_mib_per_s", size.throughput_mib_per_s}});
  json.end_object();
}

void write_load(JsonWriter& json, const ClusterPlan& cluster) {
  const Flow& peak = cluster.load.peak;
  json.begin_object();
  write_numbers(json, {{"messages_per_s_peak", peak.messages_in},
                       {"in_bytes_per_s_peak", peak.in_bytes},
                       {"replicated_bytes_per_s_peak", peak.replicated_bytes},
                       {"out_bytes_per_s_peak", peak.out_bytes},
                       {"produce_requests_per_s_peak", cluster.requests_per_s},
                       {"kept_bytes", kept_bytes(cluster.load, cluster.size.brokers)},
                       {"largest_replica_bytes", cluster.load.largest_replica_bytes},
                       {"replicas", replicas(cluster.load, cluster.size.brokers)}});
  json.end_object();
}

void write_broker(JsonWriter& json, const PlacedBroker& broker) {
  json.begin_object().member("zone", broker.zone).member("leaders", broker.leaders);
  json.member("replicas", broker.replicas);
  json.key("log_dir_bytes").array(broker.dir_bytes, [](JsonWriter& list, double bytes) {
    list.raw(fmt::format("{}", bytes));
  });
  json.end_object();
}

void write_tightness(JsonWriter& json, const Tightness& tightness) {
  json.begin_object().member("resource", name_of(tightness.resource)).member("scenario", name_of(tightness.scenario));
  write_numbers(json, {{"use", tightness.use}, {"limit", tightness.limit}});
  json.end_object();
}

void write_cluster(JsonWriter& json, const ClusterPlan& cluster) {
  json.begin_object().member("name", cluster.name).member("kind", name_of(cluster.kind));
  json.member("region", cluster.region).member("zones", cluster.zones);
  write_load(json.key("load"), cluster);
  write_size(json.key("size"), cluster.size);
  write_cost(json.key("cost"), cluster.cost);
  json.key("uses").array(cluster.uses, [](JsonWriter& list, const ScenarioUse& use) {
    list.begin_object().member("scenario", name_of(use.scenario.kind));
    write_resources(list.key("use"), use.use);
    list.end_object();
  });
  write_tightness(json.key("tightest"), cluster.tightness);
  json.member("holds", cluster.holds).member("holds_months", cluster.holds_months);
  json.key("brokers").array(cluster.brokers, write_broker);
  write_numbers(json, {{"log_dir_use_max", cluster.dir_use_max}});
  json.key("left").begin_object().member("partitions", cluster.left.partitions);
  json.member("offline", cluster.left.offline).member("read_only", cluster.left.read_only).end_object();
  json.key("cheapest");
  cluster.best ? write_size(json, *cluster.best) : void(json.null());
  json.key("cheapest_cost");
  cluster.best ? write_cost(json, cluster.best_cost) : void(json.null());
  json.end_object();
}

void write_variant(JsonWriter& json, const Variant& variant) {
  const BlastRadius& blast = variant.blast;
  json.begin_object().member("name", variant.name).member("clusters", variant.clusters);
  json.member("brokers", variant.brokers).member("without_size", variant.without_size);
  write_cost(json.key("cost"), variant.cost);
  json.key("blast_radius").begin_object().member("worst_cluster", blast.worst);
  write_numbers(json, {{"services_worst", blast.services_worst},
                       {"services_mean", blast.services_mean},
                       {"fed_worst", blast.fed_worst},
                       {"traffic_worst", blast.traffic_worst},
                       {"traffic_mean", blast.traffic_mean}});
  json.end_object().end_object();
}

void write_cluster_burst(JsonWriter& json, const ClusterBurst& cluster) {
  json.begin_object().member("cluster", cluster.cluster);
  write_numbers(json,
                {{"usual_per_s", cluster.usual}, {"peak_per_s", cluster.messages_max}, {"most_per_s", cluster.most}});
  json.member("first_full", name_of(cluster.bottleneck));
  write_numbers(json, {{"cpu_before", cluster.cpu_before},
                       {"cpu_peak", cluster.cpu_max},
                       {"use_before", cluster.use_before},
                       {"use_peak", cluster.use_max},
                       {"latency_times", cluster.latency_times},
                       {"waiting_max", cluster.waiting_max},
                       {"recovered_minutes", cluster.recovered_minutes}});
  json.end_object();
}

void write_group_burst(JsonWriter& json, const GroupBurst& group) {
  json.begin_object().member("group", group.group).member("cluster", group.cluster);
  write_numbers(json, {{"usual_per_s", group.usual},
                       {"most_per_s", group.most},
                       {"lag_max", group.lag_max},
                       {"recovered_minutes", group.recovered_minutes}});
  json.end_object();
}

void write_burst(JsonWriter& json, const Burst& burst) {
  json.begin_object().member("service", burst.outage.service);
  write_numbers(json, {{"outage_minutes", burst.outage.minutes},
                       {"catch_up", burst.outage.catch_up},
                       {"usual_per_s", burst.usual},
                       {"backlog", burst.backlog},
                       {"sent_minutes", burst.sent_minutes}});
  json.key("clusters").array(burst.clusters, write_cluster_burst);
  json.key("groups").array(burst.groups, write_group_burst);
  json.end_object();
}

void write_use(JsonWriter& json, const MirrorUse& use) {
  json.begin_object();
  write_numbers(json, {{"cores", use.cores}, {"memory_bytes", use.memory_bytes}, {"usd_per_month", use.usd_per_month}});
  json.end_object();
}

void write_mirror(JsonWriter& json, const MirrorPlan& mirror) {
  json.begin_object().member("name", mirror.name).member("kind", name_of(mirror.kind));
  json.member("processes", mirror.processes);
  write_numbers(json, {{"messages_per_s", mirror.messages_per_s}});
  write_use(json.key("use"), mirror.use);
  json.key("as_other_kind");
  mirror.other_can ? write_use(json, mirror.as_other) : void(json.null());
  json.end_object();
}

}  // namespace

std::string json_report(const Plan& plan) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("ok", holds(plan)).member("fleet", plan.fleet).member("prices", plan.prices);
  json.member("months", plan.options.months).member("topics", plan.topics);
  write_numbers(json, {{"messages_per_s", plan.messages_per_s}});
  write_cost(json.key("cost"), plan.cost);
  write_cost(json.key("cheapest_cost"), plan.best_cost);
  json.key("clusters").array(plan.clusters, write_cluster);
  json.key("split");
  plan.comparison ? write_variant(json, plan.comparison->split) : void(json.null());
  json.key("whole");
  plan.comparison ? write_variant(json, plan.comparison->whole) : void(json.null());
  json.key("bursts").array(plan.bursts, write_burst);
  json.key("mirrors").array(plan.mirrors, write_mirror);
  json.end_object();
  return out;
}

}  // namespace freshet::fleet
