// A run of one seed, checked, and once more to see that it goes the same way.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "probes.h"
#include "workload.h"

namespace freshet::sim {

struct OtherWorld;

// What is run of a seed, and how.
struct RunOptions {
  Size size;
  const Workload* workload = nullptr;  // if it is null, the seed decides
  const OtherWorld* other = nullptr;   // one beside the pipeline's, instead
  bool twice = true;
  bool trace = false;
  std::optional<bool> from_state;  // where profiles are read; if it is absent, the seed decides
};

// How a run ended. `hash` is that of all that it wrote; `violation` says which promise was broken,
// if one was.
struct RunResult {
  std::string workload;
  std::string hash;
  std::optional<std::string> violation;
  Probes probes;
};

// A world beside the pipeline's, which is asked for as a workload is. It is none of workloads(): it has no scenario.
struct OtherWorld {
  std::string_view name;
  std::string_view text;
  RunResult (*run)(const OtherWorld& of, uint64_t seed, const RunOptions& options);
};
[[nodiscard]] std::span<const OtherWorld> other_worlds();

// What `name` says is run; false: there is no such workload.
[[nodiscard]] bool choose_workload(std::string_view name, RunOptions& options);
// Runs a seed, twice if asked: the second run must end in the same hash, or something in the
// product depends on chance.
[[nodiscard]] RunResult run_seed(uint64_t seed, const RunOptions& options);

}  // namespace freshet::sim
