// Counts what is good and what is late of each tenant's records, by its freshness objective: from the histograms that
// reaction fills, so no record pays for it. Records of another process's reaction are counted there.
//
// The budget (how many may be late) is counted too: it adds up over tenants with different objectives, so the rate of
// `late` by that of the budget is also the burn rate of all the tenants that have no series of their own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/objective.h"
#include "model/tenant.h"
#include "telemetry/metrics.h"

namespace freshet::app {

// For one thread.
class Objectives {
 public:
  explicit Objectives(const model::Objective& usual) : usual_(usual) {}

  // To be called about once a second. What was counted before a tenant was seen, or under another bound, is left out.
  void tick(const std::vector<std::shared_ptr<const model::Tenant>>& tenants);

 private:
  struct OfTenant {
    telemetry::Histogram* freshness = nullptr;
    telemetry::Counter* records = nullptr;
    telemetry::Counter* late = nullptr;
    telemetry::Counter* budget = nullptr;
    telemetry::Gauge* over = nullptr;
    int64_t within_us = 0;  // what `late_seen` was counted by
    uint64_t records_seen = 0;
    uint64_t late_seen = 0;
  };

  void count(OfTenant& entry, const model::Objective& objective);

  const model::Objective usual_;
  std::map<std::string, OfTenant> tenants_;
};

}  // namespace freshet::app
