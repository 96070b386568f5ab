// Metrics and log lines as OpenTelemetry collectors take them (proto/foreign). Pure.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "app/otlp.h"
#include "telemetry/log_tap.h"

namespace freshet::app {

// Makes the body of POST /v1/metrics: counters and histograms as sums since `began_ns`, both times since 1970. Names
// are those of /metrics without their units and `_total`, which OpenTelemetry keeps apart: whoever turns them into
// Prometheus' again gets the same names.
[[nodiscard]] std::string encode_metrics(const TracedProcess& process,
                                         std::span<const prometheus::MetricFamily> families, int64_t began_ns,
                                         int64_t now_ns);
// Makes the body of POST /v1/logs.
[[nodiscard]] std::string encode_lines(const TracedProcess& process, std::span<const telemetry::LogLine> lines);

}  // namespace freshet::app
