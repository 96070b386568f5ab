// What the topology says, as series: thresholds are compared with these, so that rules are the same for every fleet.
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "fleet/kafka_version.h"
#include "fleet/plan/prices.h"
#include "fleet/render/names.h"
#include "fleet/render/prometheus.h"
#include "fleet/render/strimzi.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;

// These figures of a cluster need a look at all topics or service levels, so they are gathered in one pass.
struct ClusterFigures {
  uint32_t topics = 0;
  uint32_t spare = UINT32_MAX;  // brokers that every topic can spare and still take writes
  double produce_p99_ms = 0;    // 0: not promised
  double availability = 0;      // percent; 0: not promised
};

std::vector<ClusterFigures> figures_of(const Topology& topology) {
  std::vector<ClusterFigures> out(topology.clusters.size());
  for (const Topic& topic : topology.topics) {
    ClusterFigures& figures = out[topic.cluster];
    ++figures.topics;
    figures.spare = std::min(figures.spare, topic.replication - std::min(topic.replication, topic.min_isr));
  }
  for (const ServiceLevel& level : topology.service_levels) {
    // Probes are of brokers: a promise of one topic is measured by nothing here.
    for (Index i = 0; level.topic == kNone && i < out.size(); ++i)
      if (level.cluster == kNone || level.cluster == i)
        out[i].availability = std::max(out[i].availability, level.availability);
    // Brokers don't tell how long writes to one topic take: render_prometheus() notes such a promise.
    if (level.produce_p99_us <= 0 || level.topic != kNone) continue;
    const double ms = static_cast<double>(level.produce_p99_us) / 1000;
    for (Index i = 0; i < out.size(); ++i) {
      if (level.cluster != kNone && level.cluster != i) continue;
      // Of several promises the strictest counts.
      double& promised = out[i].produce_p99_ms;
      promised = promised > 0 ? std::min(promised, ms) : ms;
    }
  }
  for (Index i = 0; i < out.size(); ++i) {
    // A cluster without topics yet: one broker may be away if there are three.
    if (out[i].topics == 0) out[i].spare = topology.clusters[i].brokers > 2 ? 1 : 0;
  }
  return out;
}

// Those that are scraped as controllers: in Kubernetes a broker that is one, too, is scraped as a broker.
size_t controllers_scraped(const Topology& topology, const Cluster& cluster) {
  const bool shared = cluster.controllers == 0 && cluster.platform == Platform::kEc2;
  return shared ? voters_of(topology, cluster).size() : cluster.controllers;
}

// By how much the idle share of request handlers that Kafka tells is multiplied to be the broker's and a controller's
// together (kafka:request_handlers_idle_ratio): where both are one process it is the sum of two shares, and since 4.2
// (KIP-1207) their mean. 0: each process tells its own.
double shared_handlers(const Cluster& cluster) {
  if (cluster.controllers > 0 || cluster.platform != Platform::kStrimzi) return 0;
  return parse_version(cluster.kafka_version) < std::pair(4U, 2U) ? 1 : 2;
}

void add_cluster(const Topology& topology, const Cluster& cluster, const ClusterFigures& figures,
                 std::vector<Fact>& out) {
  const auto add = [&](std::string_view name, double value) {
    out.push_back({name, {{"cluster", cluster.name}}, value});
  };
  out.push_back({"fleet:cluster_info", {{"cluster", cluster.name}, {"owner", cluster.owner}}, 1});
  add("fleet:cluster_brokers", cluster.brokers);
  add("fleet:cluster_brokers_spare", figures.spare);
  if (const size_t controllers = controllers_scraped(topology, cluster); controllers > 0)
    add("fleet:cluster_controllers", static_cast<double>(controllers));
  if (const double shared = shared_handlers(cluster); shared > 0) add("fleet:cluster_shared_handlers", shared);
  add("fleet:cluster_topics", figures.topics);
  add("fleet:broker_disk_bytes",
      static_cast<double>(cluster.volumes.count) * static_cast<double>(cluster.volumes.size_bytes));
  if (const auto* const machine = default_prices().find_instance(cluster.instance); machine != nullptr)
    add("fleet:broker_cpus", machine->vcpu);
  if (figures.produce_p99_ms > 0) add("fleet:cluster_produce_p99_milliseconds", figures.produce_p99_ms);
  // Without a probe nobody measures how often the cluster can be used.
  if (cluster.watch.probe.empty()) return;
  add("fleet:cluster_probed", 1);
  if (figures.availability > 0) add("fleet:cluster_unavailability_max", 1 - figures.availability / 100);
}

const std::string& owner_or(const std::string& own, const Cluster& cluster) {
  return own.empty() ? cluster.owner : own;
}

// A consumer group reads so much in one cluster, and may be so late.
struct GroupFigures {
  std::string owner;
  double messages_per_s_max = 0;    // planned, of its topics at their peaks
  int64_t lag_max_us = 0;           // 0: not promised
  std::map<Index, int64_t> topics;  // what it reads, with a promise of that topic alone; 0: there is none
};

// By cluster and group: two services that share a group are one.
using Groups = std::map<std::pair<Index, std::string>, GroupFigures>;

// Of several promises the strictest counts.
void promise(int64_t lag_max_us, int64_t& promised) {
  promised = promised == 0 ? lag_max_us : std::min(promised, lag_max_us);
}

Groups groups_of(const Topology& topology) {
  Groups out;
  for (const Consumer& consumer : topology.consumers) {
    for (const Index index : consumer.topics) {
      const Topic& topic = topology.topics[index];
      GroupFigures& figures = out[{topic.cluster, consumer.group}];
      figures.topics[index] = 0;
      figures.messages_per_s_max += topic.messages_per_s * topic.peak_factor;
      if (figures.owner.empty()) {
        figures.owner = owner_or(topology.services[consumer.service].owner, topology.cluster_of(topic));
      }
    }
  }
  for (const ServiceLevel& level : topology.service_levels) {
    if (level.lag_max_us <= 0) continue;
    for (auto& [key, figures] : out) {
      if (level.cluster != kNone && level.cluster != key.first) continue;
      if (!level.group.empty() && level.group != key.second) continue;
      if (level.topic == kNone) {
        promise(level.lag_max_us, figures.lag_max_us);
      } else if (const auto topic = figures.topics.find(level.topic); topic != figures.topics.end()) {
        promise(level.lag_max_us, topic->second);
      }
    }
  }
  return out;
}

// A promise is in seconds; a flood shows in messages first. At the planned highest rate so many come in that time.
void add_lag_max(const std::vector<std::pair<std::string_view, std::string>>& labels, int64_t lag_max_us,
                 double messages_per_s_max, std::vector<Fact>& out) {
  if (lag_max_us <= 0) return;
  const double lag_max_s = static_cast<double>(lag_max_us) / 1e6;
  out.push_back({"fleet:group_lag_max_seconds", labels, lag_max_s});
  if (messages_per_s_max <= 0) return;
  out.push_back({"fleet:group_lag_max_messages", labels, lag_max_s * messages_per_s_max});
}

void add_groups(const Topology& topology, Index region, std::vector<Fact>& out) {
  for (const auto& [key, figures] : groups_of(topology)) {
    const Cluster& cluster = topology.clusters[key.first];
    if (cluster.region != region) continue;
    const std::vector<std::pair<std::string_view, std::string>> labels = {{"cluster", cluster.name},
                                                                          {"consumergroup", key.second}};
    auto owned = labels;
    owned.emplace_back("owner", figures.owner);
    out.push_back({"fleet:group_info", std::move(owned), 1});
    add_lag_max(labels, figures.lag_max_us, figures.messages_per_s_max, out);
    for (const auto& [index, lag_max_us] : figures.topics) {
      const Topic& topic = topology.topics[index];
      auto of_topic = labels;
      of_topic.emplace_back("topic", topic.name);
      add_lag_max(of_topic, lag_max_us, topic.messages_per_s * topic.peak_factor, out);
    }
  }
}

void add_mirror(const Topology& topology, const Mirror& mirror, std::vector<Fact>& out) {
  const Cluster& to = topology.clusters[mirror.to];
  const std::string name = object_name(mirror.name);
  out.push_back(
      {"fleet:mirror_info", {{"mirror", name}, {"cluster", to.name}, {"owner", owner_or(mirror.owner, to)}}, 1});
  double messages_per_s = 0;
  for (const MirroredTopic& topic : mirror.topics) {
    if (!is_copied(topology, mirror, topic)) continue;
    const Topic& from = topology.topics[topic.from];
    messages_per_s += from.messages_per_s;
    out.push_back({"fleet:mirror_source_topic",
                   {{"mirror", name}, {"cluster", topology.cluster_of(from).name}, {"topic", from.name}},
                   1});
  }
  if (messages_per_s <= 0) return;
  out.push_back({"fleet:mirror_messages_per_second", {{"mirror", name}, {"cluster", to.name}}, messages_per_s});
}

std::string number(double value) { return yaml::number(value).text; }

}  // namespace

std::vector<Fact> facts_of(const Topology& topology, Index region) {
  std::vector<Fact> out;
  const std::vector<ClusterFigures> figures = figures_of(topology);
  for (Index i = 0; i < topology.clusters.size(); ++i) {
    if (topology.clusters[i].region == region) add_cluster(topology, topology.clusters[i], figures[i], out);
  }
  for (const Topic& topic : topology.topics) {
    const Cluster& cluster = topology.cluster_of(topic);
    if (cluster.region != region || topic.messages_per_s <= 0) continue;
    const std::string& owner = owner_or(topic.owner, cluster);
    out.push_back({"fleet:topic_messages_per_second_max",
                   {{"cluster", cluster.name}, {"topic", topic.name}, {"owner", owner}},
                   topic.messages_per_s * topic.peak_factor});
  }
  for (const Mirror& mirror : topology.mirrors) {
    if (topology.clusters[mirror.to].region != region || !is_rendered(topology, mirror)) continue;
    add_mirror(topology, mirror, out);
  }
  add_groups(topology, region, out);
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
  for (const std::string_view name :
       {"fleet:cluster_info", "fleet:cluster_brokers", "fleet:broker_disk_bytes", "fleet:topic_messages_per_second_max",
        "fleet:mirror_info", "fleet:group_info", "fleet:group_lag_max_seconds", "fleet:group_lag_max_messages"}) {
    // Sums show that a fact was rendered for all that have it, without a copy of the whole file. Prometheus adds up in
    // an order of its own, and promtool compares exactly: the last digits of fractions would differ.
    double sum = 0;
    for (const Fact& fact : facts) sum += fact.name == name ? fact.value : 0;
    yaml::Node samples = list();
    if (sum > 0) samples.items.push_back(map("labels", "{}", "value", 1));
    const std::string expression = fmt::format("abs(sum({}) / {} - 1) < bool 1e-9", name, number(sum > 0 ? sum : 1));
    tests.items.push_back(map("expr", expression, "eval_time", "1m", "exp_samples", std::move(samples)));
  }
  return yaml::write(map("rule_files", list("../" + region + "/facts.yml"), "evaluation_interval", "1m", "tests",
                         list(map("interval", "1m", "promql_expr_test", std::move(tests)))));
}

}  // namespace freshet::fleet
