// What the admin listener shows of the log, so asked that nobody waits for brokers that are away.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/flow.h"
#include "app/stages.h"
#include "app/timely.h"
#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::app {

struct LogLooksOptions {
  Roles roles;
  bool reads_state = false;  // profiles are read from action's state
  // What waits in this process's part of `overflow`; nullopt: it plays another role, or does not know yet.
  std::function<std::optional<int64_t>()> overflow_waits;
  std::function<std::optional<int64_t>()> reaction_lag;
  std::function<std::vector<eventlog::Position>()> readable;  // what reaction has done without a commit
};

// Thread-safe. The functions are called on threads of its own.
class LogLooks {
 public:
  // The log and the clock outlive it, as does what the functions use.
  LogLooks(eventlog::EventLog& log, env::Clock& clock, LogLooksOptions options);

  // app/stages.h, app/flow.h; what the log does not tell within 600 ms is null.
  [[nodiscard]] std::string stages();
  [[nodiscard]] std::string flow();

 private:
  [[nodiscard]] LogSeen look();
  [[nodiscard]] std::vector<eventlog::Position> read_changes();

  eventlog::EventLog& log_;
  const LogLooksOptions options_;
  Flow flow_;
  Timely<LogSeen> seen_;  // the last, as their threads use all of the above
  Timely<std::string> flow_seen_;
};

}  // namespace freshet::app
