// How many tenants have series of their own. Private to the module.
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace freshet::telemetry {

inline constexpr size_t kTenantsShown = 100;
inline constexpr const char* kOtherTenants = "other";

// Keeps `most` tenants by name and adds the others up under tenant="other", so that what Prometheus holds is bounded
// however many tenants there are. Sums are exact: counters, histograms and gauges are added, and of ages (gauges of
// seconds) the highest counts. Who is shown stays shown, as a counter that moved to "other" and back would look like a
// restart: `shown` is filled by whoever was busiest when there came to be more than fit.
void bound_tenants(std::vector<prometheus::MetricFamily>& families, std::set<std::string>& shown, size_t most);

}  // namespace freshet::telemetry
