// Every metric that a Freshet shows, described once: the HELP lines of /metrics and docs/metrics.md are made of this
// table. A metric that is not in it is shown with the words of whoever counts it, and fails the tests.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/names.h"

namespace freshet::telemetry {

enum class MetricKind : uint8_t { kCounter, kGauge, kHistogram };
[[nodiscard]] constexpr auto names_of(MetricKind) {
  using enum MetricKind;
  return std::to_array<Name<MetricKind>>({{kCounter, "counter"}, {kGauge, "gauge"}, {kHistogram, "histogram"}});
}

struct MetricEntry {
  std::string_view name;  // as it is shown: that of a histogram of microseconds ends in _seconds
  MetricKind kind;
  std::string_view unit;
  std::string_view labels;  // "tenant, code"; "": none
  std::string_view help;    // a sentence
};

// Sorted by name.
[[nodiscard]] std::span<const MetricEntry> metric_catalog();
// By the name that is shown; null: it is not in the catalog.
[[nodiscard]] const MetricEntry* find_metric(std::string_view name);
// The table of docs/metrics.md in Markdown.
[[nodiscard]] std::string metrics_markdown();

}  // namespace freshet::telemetry
