// Logs by spdlog to standard error, one line for each entry. An entry says what happened, to what,
// and what to do about it; it never has a secret or an identifier's value in it. Of one kind of line 20 are shown in
// ten seconds (telemetry/log_limit.h); freshet_log_lines_left_out_total counts the others.
#pragma once

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

namespace freshet::telemetry {

// `level` is trace, debug, info, warn, error or off. Call it before threads start.
void set_up_log(const std::string& level, bool json);
// Changes the level while threads log. False: there is no such level, and nothing is changed.
[[nodiscard]] bool set_log_level(std::string_view level);
[[nodiscard]] std::string_view log_level();

}  // namespace freshet::telemetry
