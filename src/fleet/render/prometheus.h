// Prometheus: one a region, which finds brokers by their tags (EC2) or labels (Strimzi), so that a new one is watched
// at once.
//
//   prometheus/REGION/prometheus.yml    what to scrape
//   prometheus/REGION/facts.yml         what the topology says of the region's clusters, as recording rules
//   prometheus/rules/recorded.yml, alerts.yml
//   prometheus/proofs/alerts.yml        promtool tests of the alerts: an incident and a near miss of each
//   prometheus/proofs/facts-REGION.yml  promtool tests of the facts
#pragma once

#include "fleet/render/alerts.h"
#include "fleet/render/file.h"

namespace freshet::fleet {

void render_prometheus(const Topology& topology, const Source& source, Rendering& out);

// What the proofs happen to: the first cluster, topic, mirror and consumer group of the topology.
struct Example {
  std::string cluster = "example", owner = "example", topic = "example", mirror = "example", group = "example";
};
[[nodiscard]] Example example_of(const Topology& topology);
// With {cluster}, {owner}, {topic}, {mirror} and {group} replaced.
[[nodiscard]] std::string in_example(std::string_view text, const Example& example);

// For prometheus_proofs.cc and prometheus_facts.cc.
// A fact is a figure of the topology as a series: name, labels, value.
struct Fact {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string>> labels;
  double value;
};
[[nodiscard]] std::vector<Fact> facts_of(const Topology& topology, Index region);
[[nodiscard]] std::string facts_file(const std::vector<Fact>& facts);
[[nodiscard]] std::string facts_proof(const std::vector<Fact>& facts, const std::string& region);
[[nodiscard]] std::string alerts_proof(const Topology& topology);

// A mirror that is rendered (strimzi.h), so that there is something to watch.
[[nodiscard]] bool is_rendered(const Topology& topology, const Mirror& mirror);

}  // namespace freshet::fleet
