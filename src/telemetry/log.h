// Logs by spdlog to standard error, one line for each entry. An entry says what happened, to what,
// and what to do about it; it never has a secret or an identifier's value in it.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace freshet::telemetry {

// `level` is trace, debug, info, warn or error. Call it once, before threads start.
void set_up_log(const std::string& level, bool json);

}  // namespace freshet::telemetry
