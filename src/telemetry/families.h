// All metrics at this moment, as values, for whoever shows them in another form than Prometheus' text.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace freshet::telemetry {

// Under the names that are shown, with kTenantsShown tenants (tenant_series.h). Thread-safe.
[[nodiscard]] std::vector<prometheus::MetricFamily> metric_families();

}  // namespace freshet::telemetry
