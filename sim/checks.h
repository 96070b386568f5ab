// What must hold at the end of every run, whatever happened in it. All checks throw Violation.
#pragma once

#include <set>

#include "end.h"

namespace freshet::sim {

// What was promised to others during the run.
struct Promises {
  // tenant/message id of all that a client was told is durable.
  const std::set<std::string>& acknowledged;
  // The bytes of the ids whose documents are not whole.
  const std::set<std::string>& poisoned;
  bool confluent = false;  // the end must be the oracle's
};

// Checks invariants 1, 6, 7 and 8.
void check_end(const End& end, const Promises& promises);

}  // namespace freshet::sim
