// Gauges whose series come and go, such as those of consumer groups: made anew for each scrape instead of being kept in
// the registry (metrics.h), where what is gone would stay for ever.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "telemetry/metrics.h"

namespace freshet::telemetry {

struct GaugeFamily {
  struct Sample {
    Labels labels;
    double value = 0;
  };
  std::string name;             // as metrics.h has it; the words are those of the catalog (catalog.h)
  std::vector<Sample> samples;  // no two with the same labels
};

// In Prometheus' text format, to be put behind render_prometheus(). REQUIRES: no name is in both.
[[nodiscard]] std::string render_gauges(std::span<const GaugeFamily> families);

}  // namespace freshet::telemetry
