#include "app/stages_room.h"

#include <algorithm>

#include "action/worker_options.h"
#include "app/move_steps.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

// Records that are accepted and not processed. More of them push back on ingest, so that what is
// accepted stays fresh, and is still in memory when it is read from the log.
constexpr int64_t kBacklogRecordsMax = 50'000;

// A log has rules in each partition as soon as any process has started, and action commits them. That little waits
// before it has begun says nothing: it will be more by then.
bool action_has_begun(eventlog::EventLog& log) {
  const auto committed = log.all_committed(action::kActionGroup, eventlog::Topic::kActions);
  return committed && std::ranges::all_of(*committed, [](const auto& next) { return next.has_value(); });
}

}  // namespace

bool StagesRoom::look(eventlog::EventLog& log, TenantKeeper& tenants, std::optional<int64_t> action,
                      std::optional<int64_t> reaction) {
  static telemetry::Gauge& action_lag =
      telemetry::gauge("freshet_action_lag_records",
                       "Accepted and not processed by action, in all partitions; of every ingest the same.");
  if (action) action_lag.set(static_cast<double>(*action));
  const bool known = action && reaction;
  if (known) has_room_ = *action < kBacklogRecordsMax && *reaction < 2 * kBacklogRecordsMax;
  const v1::Move::Step step = tenants.ledger().agreement().moves().at();
  if (step == v1::Move::ARRIVED && known && has_room_ && action_has_begun(log)) tenants.say_caught_up();
  return (has_room_ || catches_up(step)) && !is_abandoned(step);
}

}  // namespace freshet::app
