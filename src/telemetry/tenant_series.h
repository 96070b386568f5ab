// How many tenants have series of their own. Private to the module.
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace freshet::telemetry {

inline constexpr size_t kTenantsShown = 100;
inline constexpr size_t kSinksShown = 32;  // of a tenant, over the time that it is shown; it may have 16 at once
inline constexpr const char* kOthers = "other";

// Keeps `most` tenants by name and gathers the others under tenant="other" (and their sinks under sink="other"), so
// that what Prometheus holds is bounded however many tenants there are. Counters, histograms and gauges are added; of
// what says how bad something is (gauges of seconds, ratios and open circuits) the worst counts.
//
// Who has a name changes with rank(). A counter that went over from "other" to a name, or back, would look like a
// restart or a burst, so none does: what was counted under a name stays with that name, and is shown again when its
// tenant has a name again; what was counted under "other" stays there. Both only ever grow, by what was counted under
// them.
//
// Not thread-safe.
class TenantSeries {
 public:
  explicit TenantSeries(size_t most = kTenantsShown) : most_(most) {}

  // Gathers the others of `families`, all metrics of this moment. The first time that there are too many, those are
  // named of whom most was counted.
  void bound(std::vector<prometheus::MetricFamily>& families);
  // From now on those are named of whom most was counted since the last call; who has a name keeps it unless another
  // was twice as busy. `families`: all metrics of this moment, as they are given to bound().
  void rank(const std::vector<prometheus::MetricFamily>& families);

 private:
  using Labels = std::vector<prometheus::ClientMetric::Label>;
  using Counts = std::map<std::string, double>;

  void fill(const Counts& counts);
  void gather(prometheus::MetricFamily& family);
  [[nodiscard]] bool is_named(const std::string& tenant) const { return named_.empty() || named_.contains(tenant); }
  [[nodiscard]] bool is_named_sink(const std::string& tenant, const std::string& sink);

  const size_t most_;
  std::set<std::string> named_;  // empty: all are, as there are few
  std::map<std::string, std::set<std::string>> sinks_;
  Counts ranked_;  // at the last rank()
  // Of series that went over: what was counted of it under the other of the two, which is "other" for one that has its
  // name now.
  std::map<std::pair<std::string, Labels>, prometheus::ClientMetric> elsewhere_;
};

}  // namespace freshet::telemetry
