// The lines of the log, for whoever sends them on: a bounded queue beside standard error, which is off until somebody
// turns it on. Thread-safe; nothing blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "telemetry/exemplar.h"

namespace freshet::telemetry {

struct LogLine {
  int64_t time_ns = 0;  // since 1970
  int severity = 0;     // of OpenTelemetry: 1 trace, 5 debug, 9 info, 13 warn, 17 error
  std::string text;
  TraceId trace_id{};  // all zeros: of none
};

inline constexpr size_t kTapLinesMax = 4096;  // that wait; more are left out and counted

void turn_on_log_tap();
// The oldest lines, at most so many.
[[nodiscard]] std::vector<LogLine> take_log_lines(size_t most);
// For the log itself.
void tap_log_line(LogLine line);

}  // namespace freshet::telemetry
