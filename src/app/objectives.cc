#include "app/objectives.h"

#include <cmath>

#include "base/assert.h"
#include "console/freshness.h"

namespace freshet::app {

// A tenant that is removed keeps its entry: its metrics are there for ever as well.
void Objectives::tick(const std::vector<std::shared_ptr<const model::Tenant>>& tenants) {
  for (const auto& tenant_ptr : tenants) {
    const model::Tenant& tenant = *tenant_ptr;
    OfTenant& entry = tenants_[tenant.name];
    if (entry.freshness == nullptr) {
      const telemetry::Labels labels{{"tenant", tenant.name}};
      entry.freshness = &telemetry::histogram(console::kFreshnessMetric, console::kFreshnessHelp, labels);
      entry.records = &telemetry::counter("freshet_objective_records_total", "Records measured.", labels);
      entry.late = &telemetry::counter("freshet_objective_late_total", "Late records.", labels);
      entry.budget = &telemetry::counter("freshet_objective_budget_millionths_total", "What may be late.", labels);
      entry.over = &telemetry::gauge("freshet_objective_over_seconds", "How long the objective looks back.", labels);
    }
    count(entry, model::combine(tenant.objective, usual_));
  }
}

void Objectives::count(OfTenant& entry, const model::Objective& objective) {
  FRESHET_ASSERT(objective.within_us > 0 && objective.over_us > 0 && objective.share > 0 && objective.share < 1);
  const std::vector<uint64_t> buckets = entry.freshness->buckets();
  const uint64_t records = telemetry::Histogram::count_above(buckets, -1);
  const uint64_t late = telemetry::Histogram::count_above(buckets, objective.within_us);
  // Under another bound the two counts of `late` can't be compared, so counting begins anew.
  if (entry.within_us == objective.within_us) {
    // Histograms only ever grow, so neither difference can be negative.
    const uint64_t more = records - entry.records_seen;
    entry.records->add(more);
    entry.late->add(late - entry.late_seen);
    entry.budget->add(static_cast<uint64_t>(std::llround((1 - objective.share) * 1e6)) * more);
  }
  entry.within_us = objective.within_us;
  entry.records_seen = records;
  entry.late_seen = late;
  entry.over->set(static_cast<double>(objective.over_us) / 1e6);
}

}  // namespace freshet::app
