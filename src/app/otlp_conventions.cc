// Names and attributes are those of the conventions 1.43: http.server.request.duration is stable, as are those of
// db.client.operation.duration; those of messaging are in development. Spans of ours have the same attributes.
#include "app/otlp_conventions.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace freshet::app {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::vector<ClientMetric::Label>;

constexpr std::string_view kStatus = "http.response.status_code";

struct Convention {
  std::string shown;  // our name
  std::string name;
  std::string unit;
  std::string description;
  std::vector<std::pair<std::string, std::string>>
      attributes;  // by the label that has the value; other labels are left out
  Labels fixed;
};

// What reads a topic, or commits what it has read.
Labels of_topic(const ConventionFacts& facts, const char* topic, const char* operation, const char* type) {
  return {{"messaging.system", facts.systems.log},
          {"messaging.destination.name", facts.systems.topic_prefix + topic},
          {"messaging.operation.name", operation},
          {"messaging.operation.type", type}};
}

std::vector<Convention> conventions(const ConventionFacts& facts) {
  return {
      {"freshet_ingest_request_seconds",
       "http.server.request.duration",
       "s",
       "Duration of HTTP server requests.",
       {{"method", "http.request.method"}, {"endpoint", "http.route"}, {"status", std::string(kStatus)}},
       {{"url.scheme", facts.scheme}}},
      {"freshet_action_records_total",
       "messaging.client.consumed.messages",
       "{message}",
       "Number of messages that were delivered to the application.",
       {},
       of_topic(facts, "actions", "poll", "receive")},
      {"freshet_reaction_changes_total",
       "messaging.client.consumed.messages",
       "{message}",
       "Number of messages that were delivered to the application.",
       {},
       of_topic(facts, "changes", "poll", "receive")},
      {"freshet_action_commit_seconds",
       "messaging.client.operation.duration",
       "s",
       "Duration of messaging operation initiated by a producer or consumer client.",
       {},
       of_topic(facts, "actions", "commit", "settle")},
      {"freshet_docstore_bulk_seconds",
       "db.client.operation.duration",
       "s",
       "Duration of database client operations.",
       {},
       {{"db.system.name", facts.systems.store}, {"db.operation.name", "bulkWrite"}}},
  };
}

ClientMetric renamed(const ClientMetric& metric, const Convention& to) {
  ClientMetric out = metric;
  out.label = to.fixed;
  for (const ClientMetric::Label& label : metric.label) {
    for (const auto& [from, attribute] : to.attributes) {
      if (label.name != from) continue;
      out.label.push_back({attribute, label.value});
      if (attribute == kStatus && label.value.starts_with('5')) out.label.push_back({"error.type", label.value});
    }
  }
  return out;
}

// Series that differed in labels which the conventions do not have are one.
void add(MetricFamily& family, const ClientMetric& metric) {
  const auto same = std::ranges::find(family.metric, metric.label, &ClientMetric::label);
  if (same == family.metric.end()) {
    family.metric.push_back(metric);
    return;
  }
  same->counter.value += metric.counter.value;
  // All of a family have the same bounds.
  for (size_t i = 0; i < same->histogram.bucket.size(); ++i)
    same->histogram.bucket[i].cumulative_count += metric.histogram.bucket[i].cumulative_count;
  same->histogram.sample_count += metric.histogram.sample_count;
  same->histogram.sample_sum += metric.histogram.sample_sum;
}

}  // namespace

std::vector<ConventionalMetric> by_convention(std::span<const MetricFamily> families, const ConventionFacts& facts) {
  std::vector<ConventionalMetric> out;
  for (const Convention& convention : conventions(facts)) {
    const auto from = std::ranges::find(families, convention.shown, &MetricFamily::name);
    if (from == families.end()) continue;
    auto to = std::ranges::find(out, convention.name, [](const ConventionalMetric& one) { return one.family.name; });
    if (to == out.end())
      to = out.insert(out.end(), {{convention.name, convention.description, from->type, {}}, convention.unit});
    for (const ClientMetric& metric : from->metric) add(to->family, renamed(metric, convention));
  }
  return out;
}

}  // namespace freshet::app
