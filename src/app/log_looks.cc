#include "app/log_looks.h"

#include <chrono>
#include <utility>

#include "ingest/overflow/drain_loop.h"

namespace freshet::app {
namespace {

// A log that is there answers in milliseconds.
constexpr std::chrono::milliseconds kPatience{600};

}  // namespace

LogLooks::LogLooks(eventlog::EventLog& log, env::Clock& clock, LogLooksOptions options)
    : log_(log),
      options_(std::move(options)),
      flow_(log, clock),
      seen_("stages", clock, kPatience, [this] { return look(); }),
      flow_seen_("flow", clock, kPatience, [this] { return flow_.json(read_changes()); }) {}

// Who plays another role, or has just started, asks the log what the drains have not moved yet.
LogSeen LogLooks::look() {
  LogSeen seen = look_at_log(log_, options_.roles, options_.reads_state);
  seen.overflow_lag = options_.overflow_waits();
  if (!seen.overflow_lag) seen.overflow_lag = lag_of(log_, ingest::kDrainGroup, eventlog::Topic::kOverflow);
  seen.reaction_lag = options_.reaction_lag();
  return seen;
}

// Where profiles are read from action's state nobody has to read changes, and who passes them on commits once a minute:
// what is in the topic is in the profiles already.
std::vector<eventlog::Position> LogLooks::read_changes() {
  if (!options_.reads_state) return options_.readable();
  std::vector<eventlog::Position> ends;
  const auto marks = log_.all_watermarks(eventlog::Topic::kChanges);
  for (uint32_t p = 0; marks && p < marks->size(); ++p)
    ends.push_back({{eventlog::Topic::kChanges, p}, (*marks)[p].high});
  return ends;
}

std::string LogLooks::stages() {
  return stages_json(seen_.get().value_or(LogSeen{}), options_.roles, options_.reads_state);
}

std::string LogLooks::flow() {
  auto seen = flow_seen_.get();
  return seen ? *std::move(seen) : flow_.unknown_json();
}

}  // namespace freshet::app
