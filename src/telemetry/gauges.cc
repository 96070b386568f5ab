#include "telemetry/gauges.h"

#include <prometheus/check_names.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "base/assert.h"
#include "telemetry/catalog.h"

namespace freshet::telemetry {

std::string render_gauges(std::span<const GaugeFamily> families) {
  std::vector<prometheus::MetricFamily> out;
  for (const GaugeFamily& family : families) {
    FRESHET_ASSERT(prometheus::CheckMetricName(family.name));
    prometheus::MetricFamily& shown = out.emplace_back();
    shown.type = prometheus::MetricType::Gauge;
    shown.name = family.name;
    if (const MetricEntry* known = find_metric(family.name)) shown.help = known->help;
    for (const GaugeFamily::Sample& sample : family.samples) {
      prometheus::ClientMetric& one = shown.metric.emplace_back();
      for (const auto& [label, value] : sample.labels) one.label.push_back({label, value});
      one.gauge.value = sample.value;
    }
  }
  return prometheus::TextSerializer().Serialize(out);
}

}  // namespace freshet::telemetry
