#include "telemetry/log_trace.h"

#include <utility>

namespace freshet::telemetry {
namespace {

TraceId& of_this_thread() {
  thread_local TraceId trace{};
  return trace;
}

}  // namespace

LogTrace::LogTrace(const TraceId& trace) : before_(std::exchange(of_this_thread(), trace)) {}
LogTrace::~LogTrace() { of_this_thread() = before_; }

const TraceId& log_trace() { return of_this_thread(); }

}  // namespace freshet::telemetry
