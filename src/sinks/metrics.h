// What is counted of each sink. docs/sinks.md lists the metrics.
#pragma once

#include <string>

#include "telemetry/metrics.h"

namespace freshet::sinks {

struct SinkMetrics {
  SinkMetrics(const std::string& tenant, const std::string& sink);

  telemetry::Counter& done;
  telemetry::Counter& letters;   // records set aside
  telemetry::Counter& failures;  // attempts
  telemetry::Counter& lost;      // offsets that retention has taken
  telemetry::Gauge& lag_records;
  telemetry::Gauge& lag_seconds;
  telemetry::Gauge& up;
};

}  // namespace freshet::sinks
