// Metrics as Prometheus asks for them: in its own text format, or in OpenMetrics (1.0), which has exemplars: a trace
// beside the buckets of a histogram.
#pragma once

#include <prometheus/metric_family.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/exemplar.h"
#include "telemetry/metrics.h"

namespace freshet::telemetry {

struct Exposition {
  std::string content_type;
  std::string body;
};

// In OpenMetrics if the Accept header of the request names it at least as willingly as text/plain, else as text.
[[nodiscard]] Exposition expose_metrics(std::string_view accept);
[[nodiscard]] bool wants_open_metrics(std::string_view accept);

// Of the histograms that have any, by the names that are shown and by labels: one for each shown bucket, in its order.
using Exemplars = std::map<std::string, std::map<Labels, std::vector<Exemplar>>>;
[[nodiscard]] Exemplars metric_exemplars();

[[nodiscard]] std::string render_open_metrics(std::span<const prometheus::MetricFamily> families,
                                              const Exemplars& exemplars);

}  // namespace freshet::telemetry
