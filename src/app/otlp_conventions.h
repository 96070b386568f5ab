// Metrics of ours under the names that OpenTelemetry's semantic conventions have for them (http, messaging, db), so
// that what was made for these names finds them. Pure.
#pragma once

#include <prometheus/metric_family.h>

#include <span>
#include <string>
#include <vector>

#include "telemetry/trace.h"

namespace freshet::app {

// What the conventions want to know beside what is counted.
struct ConventionFacts {
  telemetry::TracedSystems systems;
  std::string scheme = "http";  // url.scheme of ingest
};

// With labels that are attributes of the conventions.
struct ConventionalMetric {
  prometheus::MetricFamily family;
  std::string unit;  // UCUM
};

// Of those among `families` that the conventions have a name for. docs/operations/telemetry.md has the table.
[[nodiscard]] std::vector<ConventionalMetric> by_convention(std::span<const prometheus::MetricFamily> families,
                                                            const ConventionFacts& facts);

}  // namespace freshet::app
