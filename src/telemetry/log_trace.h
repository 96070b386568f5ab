// Which trace this thread works for, so that the lines that it logs meanwhile carry the trace's id (telemetry/log.h).
#pragma once

#include "telemetry/exemplar.h"

namespace freshet::telemetry {

// While it lives, this thread's lines are of the trace; then of the one before. For one thread; scopes nest.
class LogTrace {
 public:
  explicit LogTrace(const TraceId& trace);
  ~LogTrace();
  LogTrace(const LogTrace&) = delete;
  LogTrace& operator=(const LogTrace&) = delete;

 private:
  TraceId before_;
};

// Of the calling thread; all zeros: it works for none.
[[nodiscard]] const TraceId& log_trace();

}  // namespace freshet::telemetry
