// Programs in the binary that need no server of ours: steps until a signal comes, with metrics on a port.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace CLI {
class App;
}

namespace freshet::app {

struct AloneOptions {
  std::string listen, log_level = "info";
  bool log_json = false;
};
// --listen, --log-level, --log-json.
void add_alone_options(CLI::App& command, AloneOptions& options);

// Opens, then steps until SIGINT or SIGTERM comes or a step fails; a signal while it opens ends it before the first
// step. What goes wrong is in the log. Exit code: 0 stopped by a signal, 1 failed, 2 wrong usage or configuration.
// REQUIRES: no thread was started yet.
[[nodiscard]] int run_alone(const char* name, const AloneOptions& options,
                            const std::function<Result<std::function<Status()>>()>& open);

}  // namespace freshet::app
