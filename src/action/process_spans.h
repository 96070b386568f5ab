// The spans of records that action processes: each from the poll that brought it until the transaction with what it led
// to is over. Collected in telemetry::tracer(); nothing while that is off. One thread.
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

  // A poll brought records. Forgets those of the last one, if they were not ended.
  void begin();
  void add(uint32_t partition, std::vector<TracedRecord> records);
  // Their transaction is over. `error`: "", or why they will be processed again.
  void end(const std::string& error);

 private:
  env::Clock& clock_;
  env::TimeUs began_us_ = 0;
  std::vector<telemetry::Span> spans_;
};

}  // namespace freshet::action
