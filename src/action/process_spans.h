// The spans of records that action processes: each lasts from the poll that brought the record until the transaction
// with what it led to is over. They go to telemetry::tracer(); while that is off nothing is collected. Used by one
// thread. Of what no sampler took there are late spans: of records that were slow, and of dead letters. The lines that
// the thread logs between add() and end() carry the id of the first trace.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "action/engine.h"
#include "env/clock.h"
#include "telemetry/log_trace.h"
#include "telemetry/trace.h"

namespace freshet::action {

class ProcessSpans {
 public:
  explicit ProcessSpans(env::Clock& clock) : clock_(clock) {}

  // A poll brought records. Spans of the last poll that were not ended are forgotten: nothing was committed then.
  void begin();
  void add(uint32_t partition, std::vector<TracedRecord> traced, std::vector<TracedRecord> untraced);
  // The transaction of these records is over. `error` is empty, or says why they will be processed again. `readable`:
  // what it did to profiles can be read from now on, so the traces are exemplars of freshness.
  void end(const std::string& error, bool readable = false);

 private:
  struct Open {
    telemetry::Span span;
    std::string tenant;
    int64_t received_at_us = 0;
  };
  void end_late(env::TimeUs now_us);

  env::Clock& clock_;
  env::TimeUs began_us_ = 0;
  std::vector<Open> spans_;
  std::vector<std::pair<uint32_t, TracedRecord>> untraced_;  // by partition
  std::optional<telemetry::LogTrace> lines_;
};

}  // namespace freshet::action
