#include "sim/mutants.h"

#include <algorithm>

namespace freshet::sim {
namespace {

constexpr MutantInfo kMutants[] = {
    {Mutant::kRedirectBeforeAbsorbed, "redirect-before-absorbed", "the loser redirects at once instead of leaving"},
};

}  // namespace

std::span<const MutantInfo> mutants() { return kMutants; }

const MutantInfo* find_mutant(std::string_view name) {
  const auto* const at =
      std::find_if(std::begin(kMutants), std::end(kMutants), [&](const MutantInfo& m) { return m.name == name; });
  return at == std::end(kMutants) ? nullptr : at;
}

}  // namespace freshet::sim
