// What must hold at the end of every run, whatever happened in it. All of them throw Violation.
#pragma once

#include <set>

#include "end.h"

namespace freshet::sim {

struct Promises {
  const std::set<std::string>& acknowledged;  // tenant/message id that a client was told is durable
  const std::set<std::string>& poisoned;      // bytes of ids whose documents are not whole
  bool confluent = false;
};

// Invariants 1, 6, 7 and 8.
void check_end(const End& end, const Promises& promises);

}  // namespace freshet::sim
