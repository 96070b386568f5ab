// One process with its roles, wired together: log, state, profile store, ingest, action, reaction,
// console.
#pragma once

#include <memory>
#include <optional>

#include "app/config.h"
#include "base/result.h"

namespace freshet::app {

class Server {
 public:
  // Opens the data directory, publishes the rules and starts the roles. After a crash it simply
  // starts: action replays. `implicit` says that there is no configuration file, so the revision of
  // the rules rises by itself.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(const Config& config, bool implicit);
  virtual ~Server() = default;
  // Answers the requests under way and makes the state durable, which takes seconds. A second call
  // does nothing.
  virtual void stop() = 0;
  // Not ok means that a role has stopped by itself: stop the process, and let its supervisor start
  // it again.
  [[nodiscard]] virtual Status status() const = 0;
  // Call it a few times a second: it looks after back-pressure, other processes' discoveries, and
  // the freshness of the last minute.
  virtual void tick() = 0;
  // Reads certificates again. Those that can't be used leave the ones before in use; the log says so. Puts the tenants
  // and rules of the file in force, if there is one and it is right, which takes a moment.
  virtual void reload(const std::optional<Config>& file) = 0;
  [[nodiscard]] virtual uint16_t ingest_port() const = 0;  // 0 if this process does not play the role
  [[nodiscard]] virtual uint16_t admin_port() const = 0;
};

}  // namespace freshet::app
