// Lags are differences of offsets, so they count transaction markers too: on Kafka a lag of a few
// may stay where nothing is left to do. And they count what lies behind a transaction that is open,
// and can't be read before it is decided: a worker that was killed in one leaves it open for seconds.

#include "app/stages.h"

#include <algorithm>

#include "action/worker_options.h"
#include "app/json_output.h"
#include "reaction/reactor_options.h"
#include "telemetry/metrics.h"

namespace freshet::app {

using eventlog::Topic;

std::optional<std::vector<Backlog>> backlog_of(eventlog::EventLog& log, const char* group, Topic topic,
                                               const std::vector<eventlog::Position>& done) {
  // The commits are read before the watermarks: what comes in between then counts as lag, and never
  // as done.
  const auto committed = log.all_committed(group, topic);
  const auto marks = committed ? log.all_appended(topic) : Result<std::vector<eventlog::Watermarks>>{};
  if (!marks || !committed) return std::nullopt;
  if (marks->size() != committed->size()) return std::nullopt;  // somebody adds partitions to the topic just now
  std::vector<Backlog> out;
  for (uint32_t p = 0; p < marks->size(); ++p) {
    const auto [low, high] = (*marks)[p];
    // What retention has deleted can't be done any more, so it is no lag.
    eventlog::Offset next = std::max((*committed)[p].value_or(low), low);
    for (const eventlog::Position& position : done)
      if (position.of.partition == p) next = std::max(next, position.next);
    out.push_back({next, high});
  }
  return out;
}

std::optional<int64_t> lag_of(eventlog::EventLog& log, const char* group, Topic topic,
                              const std::vector<eventlog::Position>& done) {
  const auto backlog = backlog_of(log, group, topic, done);
  if (!backlog) return std::nullopt;
  int64_t lag = 0;
  for (const Backlog& part : *backlog) lag += part.lag();
  return lag;
}

namespace {

// What other processes have done is known only by their commits.
std::optional<int64_t> committed_by(eventlog::EventLog& log, const char* group, Topic topic) {
  const auto committed = log.all_committed(group, topic);
  if (!committed) return std::nullopt;
  int64_t sum = 0;
  for (const auto& next : *committed) sum += next.value_or(0);
  return sum;
}

std::optional<int64_t> appended_to(eventlog::EventLog& log, Topic topic) {
  const auto marks = log.all_appended(topic);
  if (!marks) return std::nullopt;
  int64_t sum = 0;
  for (const auto& [low, high] : *marks) sum += high;
  return sum;
}

int64_t counted(const char* metric) { return static_cast<int64_t>(telemetry::counter_total(metric)); }

void write_stage(JsonWriter& json, std::string_view name, const std::optional<int64_t>& done,
                 const std::optional<int64_t>& lag) {
  json.begin_object().member("name", name).member("done", done).member("waiting", lag).member("lag", lag);
  json.end_object();
}

}  // namespace

LogSeen look_at_log(eventlog::EventLog& log, const Roles& roles, bool reads_state) {
  LogSeen seen;
  seen.action_lag = lag_of(log, action::kActionGroup, Topic::kActions);
  if (!roles.ingest) seen.appended = appended_to(log, Topic::kActions);
  if (!roles.action) seen.action_committed = committed_by(log, action::kActionGroup, Topic::kActions);
  if (!roles.reaction && !reads_state)
    seen.reaction_committed = committed_by(log, reaction::kReactionGroup, Topic::kChanges);
  return seen;
}

std::string stages_json(const LogSeen& seen, const Roles& roles, bool reads_state) {
  const std::optional<int64_t> ingest = roles.ingest ? counted("freshet_ingest_items_total") : seen.appended;
  const std::optional<int64_t> action = roles.action ? counted("freshet_action_records_total") : seen.action_committed;
  const std::optional<int64_t> reaction = reads_state      ? counted("freshet_action_changes_total")
                                          : roles.reaction ? counted("freshet_reaction_changes_total")
                                                           : seen.reaction_committed;
  return json_text([&](JsonWriter& json) {
    json.begin_array();
    write_stage(json, "ingest", ingest, seen.overflow_lag);
    write_stage(json, "action", action, seen.action_lag);
    write_stage(json, "reaction", reaction, seen.reaction_lag);
    json.end_array();
  });
}

}  // namespace freshet::app
