// How clusters stand, as Prometheus' metrics; docs/fleet/watch.md lists them. Their number is bounded, whatever the
// brokers tell: of more groups than that, those that are furthest behind are shown, and how many are not.
#pragma once

#include <string>

#include "fleet/watch/report.h"
#include "telemetry/gauges.h"

namespace freshet::fleet {

inline constexpr size_t kGroupSeriesMost = 2000;  // groups in a topic, of each cluster
inline constexpr size_t kDirSeriesMost = 2000;    // log dirs, of each cluster

[[nodiscard]] std::vector<telemetry::GaugeFamily> watch_gauges(const Watched& watched);

}  // namespace freshet::fleet
