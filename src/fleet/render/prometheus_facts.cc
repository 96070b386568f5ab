// What the topology says, as series: thresholds are compared with these, so that rules are the same for every fleet.
#include <fmt/format.h>

#include <algorithm>

#include "fleet/render/names.h"
#include "fleet/render/prometheus.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;

// For each cluster: figures that need a look at all topics or service levels, gathered in one pass.
struct ClusterFigures {
  uint32_t topics = 0;
  uint32_t spare = UINT32_MAX;  // brokers that every topic can spare and still take writes
  double produce_p99_ms = 0;    // 0: not promised
};

std::vector<ClusterFigures> figures_of(const Topology& topology) {
  std::vector<ClusterFigures> out(topology.clusters.size());
  for (const Topic& topic : topology.topics) {
    ClusterFigures& figures = out[topic.cluster];
    ++figures.topics;
    figures.spare = std::min(figures.spare, topic.replication - std::min(topic.replication, topic.min_isr));
  }
  for (const ServiceLevel& level : topology.service_levels) {
    if (level.produce_p99_us <= 0) continue;
    const double ms = static_cast<double>(level.produce_p99_us) / 1000;
    for (Index i = 0; i < out.size(); ++i) {
      if (level.cluster != kNone && level.cluster != i) continue;
      double& promised = out[i].produce_p99_ms;
      promised = promised > 0 ? std::min(promised, ms) : ms;
    }
  }
  for (Index i = 0; i < out.size(); ++i) {
    if (out[i].topics == 0) out[i].spare = topology.clusters[i].brokers > 2 ? 1 : 0;
  }
  return out;
}

void add_cluster(const Cluster& cluster, const ClusterFigures& figures, std::vector<Fact>& out) {
  const auto add = [&](std::string_view name, double value) {
    out.push_back({name, {{"cluster", cluster.name}}, value});
  };
  out.push_back({"fleet:cluster_info", {{"cluster", cluster.name}, {"owner", cluster.owner}}, 1});
  add("fleet:cluster_brokers", cluster.brokers);
  add("fleet:cluster_brokers_spare", figures.spare);
  add("fleet:cluster_topics", figures.topics);
  add("fleet:broker_disk_bytes",
      static_cast<double>(cluster.volumes.count) * static_cast<double>(cluster.volumes.size_bytes));
  if (figures.produce_p99_ms > 0) add("fleet:cluster_produce_p99_milliseconds", figures.produce_p99_ms);
}

std::string number(double value) { return yaml::number(value).text; }

}  // namespace

std::vector<Fact> facts_of(const Topology& topology, Index region) {
  std::vector<Fact> out;
  const std::vector<ClusterFigures> figures = figures_of(topology);
  for (Index i = 0; i < topology.clusters.size(); ++i) {
    if (topology.clusters[i].region == region) add_cluster(topology.clusters[i], figures[i], out);
  }
  for (const Topic& topic : topology.topics) {
    const Cluster& cluster = topology.cluster_of(topic);
    if (cluster.region != region || topic.messages_per_s <= 0) continue;
    const std::string& owner = topic.owner.empty() ? cluster.owner : topic.owner;
    out.push_back({"fleet:topic_messages_per_second_max",
                   {{"cluster", cluster.name}, {"topic", topic.name}, {"owner", owner}},
                   topic.messages_per_s * topic.peak_factor});
  }
  for (const Mirror& mirror : topology.mirrors) {
    const Cluster& to = topology.clusters[mirror.to];
    if (to.region != region || !is_rendered(topology, mirror)) continue;
    const std::string& owner = mirror.owner.empty() ? to.owner : mirror.owner;
    out.push_back(
        {"fleet:mirror_info", {{"mirror", object_name(mirror.name)}, {"cluster", to.name}, {"owner", owner}}, 1});
  }
  return out;
}

std::string facts_file(const std::vector<Fact>& facts) {
  yaml::Node rules = list();
  for (const Fact& fact : facts) {
    yaml::Node labels = map();
    for (const auto& [label, value] : fact.labels) yaml::put(labels, label, value);
    rules.items.push_back(
        map("record", fact.name, "expr", "vector(" + number(fact.value) + ")", "labels", std::move(labels)));
  }
  return yaml::write(map("groups", list(map("name", "facts", "interval", "1m", "rules", std::move(rules)))));
}

std::string facts_proof(const std::vector<Fact>& facts, const std::string& region) {
  yaml::Node tests = list();
  for (const std::string_view name : {"fleet:cluster_info", "fleet:cluster_brokers", "fleet:broker_disk_bytes",
                                      "fleet:topic_messages_per_second_max", "fleet:mirror_info"}) {
    double sum = 0;
    for (const Fact& fact : facts) sum += fact.name == name ? fact.value : 0;
    yaml::Node samples = list();
    if (sum > 0) samples.items.push_back(map("labels", "{}", "value", sum));
    tests.items.push_back(
        map("expr", "sum(" + std::string(name) + ")", "eval_time", "1m", "exp_samples", std::move(samples)));
  }
  return yaml::write(map("rule_files", list("../" + region + "/facts.yml"), "evaluation_interval", "1m", "tests",
                         list(map("interval", "1m", "promql_expr_test", std::move(tests)))));
}

}  // namespace freshet::fleet
