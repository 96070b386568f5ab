// One process with its roles, wired together: log, state, profile store, ingest, action, reaction, console.
#pragma once

#include <memory>

#include "app/config.h"
#include "base/result.h"

namespace freshet::app {

class Server {
 public:
  // Opens the data directory, publishes the rules, starts the roles. After a crash it simply starts: action replays.
  // `implicit`: there is no configuration file, the revision of the rules rises by itself.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(const Config& config, bool implicit);
  virtual ~Server() = default;
  // Requests under way are answered, state is made durable. Takes seconds. Idempotent.
  virtual void stop() = 0;
  // Not ok: a role has stopped by itself; stop the process, its supervisor starts it again.
  [[nodiscard]] virtual Status status() const = 0;
  // To be called a few times a second: back-pressure, freshness of the last minute.
  virtual void tick() = 0;
  [[nodiscard]] virtual uint16_t ingest_port() const = 0;  // 0: no such role
  [[nodiscard]] virtual uint16_t admin_port() const = 0;
};

}  // namespace freshet::app
