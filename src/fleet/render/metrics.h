// Every metric that is rendered, in one table: what the JMX exporter makes of which MBean, what `fleet watch` has, what
// the topology says (facts) and what is recorded of them. Rules and dashboards may use no others (metrics_test.cc,
// and a real broker in tests/integration/test_fleet_render.py).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::fleet {

// Which process has the MBean: a metric of one is not there in the other, and a rule for it would only cost time.
enum class Exporter : uint8_t { kKafka, kMirrorMaker };  // brokers and controllers; Connect workers of MirrorMaker 2

// One key of an MBean's name, "type=ReplicaManager": matched, or read into a label.
struct MbeanKey {
  std::string_view key;
  std::string_view pattern;  // a Java regular expression with at most one group
  std::string_view label;    // of the group's text; "": the key is only matched
  bool optional = false;     // not all releases have it
};

// One attribute of one kind of MBean, and the series that it becomes.
struct Metric {
  std::string_view name;
  Exporter exporter;
  bool counter;  // else a gauge
  std::string_view domain;
  std::vector<MbeanKey> keys;  // in the order of the MBean's name
  std::string_view attribute;
  std::string_view quantile;  // the label of this name, or ""
  std::string_view help;
};

// The order is the order of the exporter's rules. A name may be there twice: with the label topic, and without it for
// the sum over topics. Whoever adds them up counts double: every use must say topic="" or topic!="".
[[nodiscard]] const std::vector<Metric>& exported_metrics();

// Made by the exporter's agent or by Prometheus itself.
[[nodiscard]] std::span<const std::string_view> built_in_metrics();

// What rules use of `freshet fleet watch` (docs/fleet/watch.md), with the labels cluster, and consumergroup and topic
// or broker.
[[nodiscard]] std::span<const std::string_view> watch_metrics();

// What rules use of `freshet mirror` (docs/mirror.md), with the label topic, and the label mirror of scrape jobs.
[[nodiscard]] std::span<const std::string_view> mirror_metrics();

// Of the node exporter (EC2) and of kubelets, with the labels cluster, broker and directory that scrape jobs give them.
[[nodiscard]] std::span<const std::string_view> disk_metrics();

// Rules that Prometheus records.
struct Recorded {
  std::string_view name;
  std::string_view expression;
  std::string_view why;
};
[[nodiscard]] std::span<const Recorded> recorded_metrics();

// What the topology says of each cluster, topic, mirror or group: recorded from constants (prometheus_facts.cc).
[[nodiscard]] std::span<const std::string_view> fact_metrics();

// Whether any of these lists has the name.
[[nodiscard]] bool is_known_metric(std::string_view name);

// The names of metrics in a PromQL expression, each once, in the order of the text. For the expressions written here:
// no comments, no string in back quotes.
[[nodiscard]] std::vector<std::string> metrics_in(std::string_view expression);

}  // namespace freshet::fleet
