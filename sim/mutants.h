// The planted faults by name, for the command line. `grep -rn FRESHET_MUTANT src` shows where each
// is planted.
#pragma once

#include <span>
#include <string_view>

#include "base/mutant.h"

namespace freshet::sim {

inline constexpr uint64_t kMutantSeeds = 1000;  // within so many seeds each must be found

// A planted fault, and what it does wrong.
struct MutantInfo {
  Mutant mutant;
  std::string_view name;
  std::string_view text;
  std::string_view workload = {};  // that finds it; if it is empty, the usual mix does
};

[[nodiscard]] std::span<const MutantInfo> mutants();
[[nodiscard]] const MutantInfo* find_mutant(std::string_view name);

}  // namespace freshet::sim
