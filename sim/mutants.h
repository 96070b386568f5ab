// The planted faults by name, for the command line. Where each is planted: grep FRESHET_MUTANT src.
#pragma once

#include <span>
#include <string_view>

#include "base/mutant.h"

namespace freshet::sim {

inline constexpr uint64_t kMutantSeeds = 400;  // within which each must be found

struct MutantInfo {
  Mutant mutant;
  std::string_view name;
  std::string_view text;
};

[[nodiscard]] std::span<const MutantInfo> mutants();
[[nodiscard]] const MutantInfo* find_mutant(std::string_view name);

}  // namespace freshet::sim
