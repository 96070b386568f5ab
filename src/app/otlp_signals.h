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

// What OpenTelemetry is told that this metric of /metrics is called: without `_total`, which is a sum's kind. Whoever
// turns it into Prometheus' again gets the same name.
[[nodiscard]] std::string name_of_signal(std::string_view shown);
// Makes the body of POST /v1/metrics: counters and histograms as sums since `began_ns`, both times since 1970.
[[nodiscard]] std::string encode_metrics(const TracedProcess& process,
                                         std::span<const prometheus::MetricFamily> families, int64_t began_ns,
                                         int64_t now_ns);
// Makes the body of POST /v1/logs.
[[nodiscard]] std::string encode_lines(const TracedProcess& process, std::span<const telemetry::LogLine> lines);

}  // namespace freshet::app
