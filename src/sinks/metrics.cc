#include "sinks/metrics.h"

namespace freshet::sinks {
namespace {

telemetry::Labels sink_labels(const std::string& tenant, const std::string& sink) {
  return {{"tenant", tenant}, {"sink", sink}};
}

}  // namespace

SinkMetrics::SinkMetrics(const std::string& tenant, const std::string& sink)
    : done(telemetry::counter("freshet_sink_records_total", "Records that a sink has handed over.",
                              sink_labels(tenant, sink))),
      letters(telemetry::counter(
          "freshet_sink_dead_letters_total",
          "Records that the target of a sink has refused, or that are no whole changes, set aside with the reason.",
          sink_labels(tenant, sink))),
      failures(telemetry::counter("freshet_sink_failures_total", "Attempts that failed and are made again.",
                                  sink_labels(tenant, sink))),
      lost(telemetry::counter("freshet_sink_lost_offsets_total",
                              "Offsets that retention has taken before the sink had them: the log says which.",
                              sink_labels(tenant, sink))),
      lag_records(telemetry::gauge("freshet_sink_lag_records",
                                   "Offsets of the topic, of all tenants, that the sink has not passed.",
                                   sink_labels(tenant, sink))),
      lag_seconds(telemetry::gauge("freshet_sink_lag_seconds",
                                   "How long the oldest record that the sink has not handed over has waited.",
                                   sink_labels(tenant, sink))),
      up(telemetry::gauge("freshet_sink_up", "1: the last attempt went well; 0: the sink waits for its target.",
                          sink_labels(tenant, sink))) {}

}  // namespace freshet::sinks
