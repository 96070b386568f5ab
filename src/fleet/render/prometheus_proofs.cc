// The alert prover: promtool tests from the incident and the near miss of every alert. An incident must fire with
// every label and text, within its time and not before; a near miss must never fire. Whoever changes a threshold sees
// at once which of the two it breaks.
#include <fmt/core.h>

#include "base/assert.h"
#include "fleet/render/names.h"
#include "fleet/render/prometheus.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;

// A near miss is looked at every so many minutes. No alert is shorter than that without its incident showing it.
constexpr uint32_t kNearMissStep = 5;

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

yaml::Node input(const std::vector<Series>& incident, const Example& example) {
  yaml::Node out = list();
  const auto add = [&](const Series& series) {
    out.items.push_back(map("series", in_example(series.name, example), "values", series.values));
  };
  for (const Series& series : example_facts()) add(series);
  for (const Series& series : incident) add(series);
  return out;
}

yaml::Node at_minute(uint32_t minute, const Alert& alert, yaml::Node expected) {
  return map("eval_time", fmt::format("{}m", minute), "alertname", alert.name, "exp_alerts", std::move(expected));
}

// Every label and message of the alert as it must arrive.
yaml::Node expected(const Alert& alert, const Example& example) {
  const bool of_topic = alert.summary.find("{topic}") != std::string_view::npos;
  yaml::Node labels = map("severity", name_of(alert.severity), "concern", alert.concern, "cluster", example.cluster,
                          "owner", example.owner);
  if (!alert.incident.broker.empty()) yaml::put(labels, "broker", alert.incident.broker);
  if (of_topic) yaml::put(labels, "topic", example.topic);
  if (alert.subject == AlertSubject::kMirror) yaml::put(labels, "mirror", example.mirror);
  if (alert.subject == AlertSubject::kGroup) yaml::put(labels, "consumergroup", example.group);
  std::string summary(alert.summary);
  replace_all(summary, "{value}", alert.incident.value);
  replace_all(summary, "{broker}", alert.incident.broker);
  replace_all(summary, "{cluster}", example.cluster);
  replace_all(summary, "{topic}", example.topic);
  replace_all(summary, "{mirror}", example.mirror);
  replace_all(summary, "{group}", example.group);
  return list(map("exp_labels", std::move(labels), "exp_annotations",
                  map("summary", summary, "action", alert.action, "runbook", runbook_of(alert))));
}

yaml::Node incident_test(const Alert& alert, const Example& example) {
  const Incident& incident = alert.incident;
  // An alert that waits longer than its proof looks would pass without being tested.
  FRESHET_ASSERT(incident.fires_within >= alert.for_minutes && alert.near_miss.minutes >= kNearMissStep);
  yaml::Node checks = list();
  const uint32_t too_early = incident.onset_minute + (alert.for_minutes > 0 ? alert.for_minutes - 1 : 0);
  if (incident.onset_minute > 0) checks.items.push_back(at_minute(incident.onset_minute - 1, alert, list()));
  if (alert.for_minutes > 0) checks.items.push_back(at_minute(too_early, alert, list()));
  checks.items.push_back(at_minute(incident.onset_minute + incident.fires_within, alert, expected(alert, example)));
  return map("name", fmt::format("{} fires within {} minutes", alert.name, incident.fires_within), "interval", "1m",
             "input_series", input(incident.series, example), "alert_rule_test", std::move(checks));
}

yaml::Node near_miss_test(const Alert& alert, const NearMiss& miss, const Example& example) {
  yaml::Node checks = list();
  for (uint32_t minute = kNearMissStep; minute <= miss.minutes; minute += kNearMissStep) {
    checks.items.push_back(at_minute(minute, alert, list()));
  }
  return map("name", fmt::format("{} does not fire: {}", alert.name, miss.what), "interval", "1m", "input_series",
             input(miss.series, example), "alert_rule_test", std::move(checks));
}

}  // namespace

Example example_of(const Topology& topology) {
  Example out;
  if (!topology.clusters.empty()) {
    out.cluster = topology.clusters.front().name;
    if (!topology.clusters.front().owner.empty()) out.owner = topology.clusters.front().owner;
  }
  if (!topology.topics.empty()) out.topic = topology.topics.front().name;
  if (!topology.mirrors.empty()) out.mirror = object_name(topology.mirrors.front().name);
  if (!topology.consumers.empty()) out.group = topology.consumers.front().group;
  return out;
}

std::string in_example(std::string_view text, const Example& example) {
  std::string out(text);
  replace_all(out, "{cluster}", escaped_label(example.cluster));
  replace_all(out, "{owner}", escaped_label(example.owner));
  replace_all(out, "{topic}", escaped_label(example.topic));
  replace_all(out, "{mirror}", escaped_label(example.mirror));
  replace_all(out, "{group}", escaped_label(example.group));
  return out;
}

std::string alerts_proof(const Topology& topology) {
  const Example example = example_of(topology);
  yaml::Node tests = list();
  for (const Alert& alert : alerts()) {
    tests.items.push_back(incident_test(alert, example));
    tests.items.push_back(near_miss_test(alert, alert.near_miss, example));
    if (!alert.peaceful.what.empty()) tests.items.push_back(near_miss_test(alert, alert.peaceful, example));
  }
  return yaml::write(map("rule_files", list("../rules/recorded.yml", "../rules/alerts.yml"), "evaluation_interval",
                         "1m", "tests", std::move(tests)));
}

}  // namespace freshet::fleet
