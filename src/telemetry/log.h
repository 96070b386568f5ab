// Logs to standard error, one line for each entry. An entry says what happened, to what, and what to do about it; it
// never has a secret or an identifier's value in it. Of one kind of line 20 are shown in ten seconds
// (telemetry/log_limit.h); freshet_log_lines_left_out_total counts the others.
//
//   log::warn("partition {} is gone: {}", partition, error.message);
//
// spdlog is in log.cc only: each file that called it made fmt's whole formatter anew, five seconds of the compiler's
// time.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace freshet::log {

enum class Level { kDebug, kInfo, kWarn, kError };

[[nodiscard]] bool is_shown(Level level);
void write(Level level, fmt::string_view text, fmt::format_args args);

// The text is checked by the compiler, and put together only if the level is shown.
template <typename... Args>
void line(Level level, fmt::format_string<Args...> text, Args&&... args) {
  if (is_shown(level)) write(level, text, fmt::make_format_args(args...));
}
template <typename... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
  if (is_shown(Level::kDebug)) write(Level::kDebug, text, fmt::make_format_args(args...));
}
template <typename... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
  if (is_shown(Level::kInfo)) write(Level::kInfo, text, fmt::make_format_args(args...));
}
template <typename... Args>
void warn(fmt::format_string<Args...> text, Args&&... args) {
  if (is_shown(Level::kWarn)) write(Level::kWarn, text, fmt::make_format_args(args...));
}
template <typename... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
  if (is_shown(Level::kError)) write(Level::kError, text, fmt::make_format_args(args...));
}

}  // namespace freshet::log

namespace freshet::telemetry {

// `level` is trace, debug, info, warn, error or off. Call it before threads start.
void set_up_log(const std::string& level, bool json);
// Lines are put together, and nobody sees them: for fuzz targets.
void silence_log();
// Changes the level while threads log. False: there is no such level, and nothing is changed.
[[nodiscard]] bool set_log_level(std::string_view level);
[[nodiscard]] std::string_view log_level();

}  // namespace freshet::telemetry
