// The spans of records that action processes: each lasts from the poll that brought the record until the transaction
// with what it led to is over. They go to telemetry::tracer(); while that is off nothing is collected. Used by one
// thread.
#pragma once

#include <string>
#include <vector>

#include "action/engine.h"
#include "env/clock.h"
#include "telemetry/trace.h"

namespace freshet::action {

class ProcessSpans {
 public:
  explicit ProcessSpans(env::Clock& clock) : clock_(clock) {}

  // A poll brought records. Spans of the last poll that were not ended are forgotten: nothing was committed then.
  void begin();
  void add(uint32_t partition, std::vector<TracedRecord> records);
  // The transaction of these records is over. `error` is empty, or says why they will be processed again.
  void end(const std::string& error);

 private:
  env::Clock& clock_;
  env::TimeUs began_us_ = 0;
  std::vector<telemetry::Span> spans_;
};

}  // namespace freshet::action
