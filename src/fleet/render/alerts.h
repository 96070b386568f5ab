// Every alert, in one table, each with the proof that it works: an incident in which it must fire within its time, and
// a near miss in which it must not. Rendered as Prometheus rules and as promtool tests of them (prometheus.h).
//
// Expressions yield one element for each cluster (or broker, topic, mirror, consumer group) that is in trouble. The
// labels `cluster` and `owner`, by which Alertmanager routes, are joined from the facts of the topology.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/topology.h"

namespace freshet::fleet {

// What an expression's elements stand for, hence which fact has their owner.
enum class AlertSubject : uint8_t { kCluster, kTopic, kMirror, kGroup };

// A series is the input of a proof.
struct Series {
  std::string name;    // with labels; {cluster}, {topic}, {mirror}, {group} stand for those of the example
  std::string values;  // promtool's notation, one a minute
};

// What happens when the alert is right: it fires within its time, and not before the onset.
struct Incident {
  std::vector<Series> series = {};
  uint32_t onset_minute = 10;  // of the incident
  uint32_t fires_within = 0;   // minutes from then
  std::string value = {};      // as the message shows it
  std::string broker = {};     // its label, if the alert has one
};

// What looks like it and mends itself, or is usual: it never fires. A threshold that is too low fails here.
struct NearMiss {
  std::string what = {};  // it nearly happens
  std::vector<Series> series = {};
  uint32_t minutes = 60;  // looked at every five minutes, and the alert never fires
};

// One rule of Prometheus, with the texts that people get. `name` and `concern` are public: silences and runbooks use
// them.
struct Alert {
  std::string_view name;
  Severity severity;
  std::string_view
      concern;  // a critical alert silences the warnings of its concern about the same thing (alertmanager.cc)
  uint32_t for_minutes;
  AlertSubject subject;
  std::string_view expression;
  std::string_view summary;  // {cluster}, {broker}, {topic}, {mirror}, {group}, {value}
  std::string_view action;   // what to do about it
  std::string_view
      format;  // of {value}: "humanize", "humanizePercentage", "humanizeDuration", or "" if it is not shown
  Incident incident;
  NearMiss near_miss;
  NearMiss peaceful = {};  // another one, if there is: what looks most like the incident in normal life
};

[[nodiscard]] const std::vector<Alert>& alerts();

// The alert that silences every other one of its cluster.
inline constexpr std::string_view kClusterDown = "KafkaClusterDown";

// The alert's section of docs/fleet/alerts.md.
[[nodiscard]] std::string runbook_of(const Alert& alert);

// The expression with the labels of its owner joined.
[[nodiscard]] std::string routed_expression(const Alert& alert);

// The facts of the example in which the proofs happen: six brokers of which one may be lost, 1e12 bytes of disk and
// four cores a broker, writes within 100 ms, probes of which 99.9 % come back, a topic of up to 1000 messages/s, a
// mirror of 500 messages/s, a group promised 30 s and 60000 messages of lag.
[[nodiscard]] std::vector<Series> example_facts();

}  // namespace freshet::fleet
