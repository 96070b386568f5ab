// A run of one seed, checked, and once more to see that it goes the same way.
#pragma once

#include <optional>
#include <string>

#include "probes.h"
#include "workload.h"

namespace freshet::sim {

struct RunOptions {
  Size size;
  const Workload* workload = nullptr;  // none: the seed decides
  bool twice = true;
  bool trace = false;
};

struct RunResult {
  std::string workload;
  std::string hash;
  std::optional<std::string> violation;
  Probes probes;
};

[[nodiscard]] RunResult run_seed(uint64_t seed, const RunOptions& options);

}  // namespace freshet::sim
