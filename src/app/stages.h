// Where records wait, stage by stage: for the console, and for whoever wants to know that all is
// done.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "eventlog/event_log.h"

namespace freshet::app {

// What waits in one partition: the records [next, end), none if it is empty.
struct Backlog {
  eventlog::Offset next = 0;
  eventlog::Offset end = 0;
  [[nodiscard]] int64_t lag() const { return end > next ? end - next : 0; }
};

// By partition: the records of the topic that the group has neither committed nor, as `done` says, done without a
// commit so far. It is never too few. nullopt: the log does not say.
[[nodiscard]] std::optional<std::vector<Backlog>> backlog_of(eventlog::EventLog& log, const char* group,
                                                             eventlog::Topic topic,
                                                             const std::vector<eventlog::Position>& done = {});
// How many they are, of all partitions.
[[nodiscard]] std::optional<int64_t> lag_of(eventlog::EventLog& log, const char* group, eventlog::Topic topic,
                                            const std::vector<eventlog::Position>& done = {});

// What the log tells of the stages at one moment; nullopt: it does not.
struct LogSeen {
  std::optional<int64_t> overflow_lag, action_lag, reaction_lag;
  std::optional<int64_t> appended, action_committed, reaction_committed;  // since the log began
};

// Asks the log for what stages_json() needs of it, but for the lags of overflow and of reaction. It may take as long as
// a client waits for brokers.
[[nodiscard]] LogSeen look_at_log(eventlog::EventLog& log, const Roles& roles, bool reads_state);

// Returns
//   [{"name":"ingest","done":<since the start>,"waiting":<in overflow>,"lag":<the same>},
//    {"name":"action",…},{"name":"reaction",…}]
// `lag` (the same as `waiting`) is how many records of the stage's topic it has not done, or null if
// the log does not say, as while brokers are away. Of ingest it is what waits in this process's part
// of `overflow`, or of all of it without that role. `done` of a stage that another process plays is
// taken from the log: what its group has committed, since the log began; null while the log does not say.
// `reads_state`: profiles are read from action's state, so what it has committed is done.
[[nodiscard]] std::string stages_json(const LogSeen& seen, const Roles& roles, bool reads_state);

}  // namespace freshet::app
