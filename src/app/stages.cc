#include "app/stages.h"

#include <fmt/format.h>

#include <algorithm>

#include "action/worker.h"
#include "reaction/reactor.h"
#include "telemetry/metrics.h"

namespace freshet::app {

using eventlog::Topic;

int64_t lag_of(eventlog::EventLog& log, const char* group, Topic topic, const std::vector<eventlog::Position>& done) {
  const auto marks = log.all_watermarks(topic);
  const auto committed = log.all_committed(group, topic);
  if (!marks || !committed) return 0;
  int64_t lag = 0;
  for (uint32_t p = 0; p < marks->size(); ++p) {
    const auto [low, high] = (*marks)[p];
    eventlog::Offset next = std::max((*committed)[p].value_or(low), low);
    for (const eventlog::Position& position : done)
      if (position.of.partition == p) next = std::max(next, position.next);
    lag += std::max<int64_t>(0, high - next);
  }
  return lag;
}

std::string stages_json(eventlog::EventLog& log, int64_t reaction_lag) {
  const int64_t action = lag_of(log, action::kActionGroup, Topic::kActions);
  using telemetry::counter_total;
  return fmt::format(
      R"([{{"name":"ingest","done":{},"waiting":null,"lag":0}},)"
      R"({{"name":"action","done":{},"waiting":{},"lag":{}}},{{"name":"reaction","done":{},"waiting":{},"lag":{}}}])",
      counter_total("freshet_ingest_items_total"), counter_total("freshet_action_records_total"), action, action,
      counter_total("freshet_reaction_changes_total"), reaction_lag, reaction_lag);
}

}  // namespace freshet::app
