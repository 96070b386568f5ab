// Logs: spdlog to standard error, one line each. Say what happened, to what, and what to do; never a secret, never an
// identifier's value.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace freshet::telemetry {

// level: trace, debug, info, warn, error. Call once, before threads start.
void set_up_log(const std::string& level, bool json);

}  // namespace freshet::telemetry
