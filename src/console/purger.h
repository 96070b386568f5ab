// Sees erasures to their end: written, purged from files, verified. All that are as far go together: to look through a
// tenant's letters, or to rewrite files, costs the same for one person as for ten thousand.
#pragma once

#include <atomic>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "console/erasure_copies.h"
#include "console/keeper_options.h"
#include "env/steadiness.h"

namespace freshet::console {

// One thread uses it.
class Purger {
 public:
  // All of these outlive it. It gives up soon after `stopping` became true.
  Purger(const KeeperOptions& options, KeptRows& kept, ErasureCopies& copies, std::atomic<bool>& stopping);

  // Brings erasures on, as far as they can get now.
  [[nodiscard]] Status turn();
  // Shows how many are under way, and since when.
  void report();

 private:
  using Some = std::vector<v1::Erasure*>;
  // Of one tenant: whose erasure each value is.
  using Wanted = std::unordered_map<Hash128, v1::Erasure*, Hash128Hasher>;

  [[nodiscard]] Result<std::vector<v1::Erasure>> pending();
  void report(const std::vector<v1::Erasure>& pending);
  [[nodiscard]] Status write(std::vector<v1::Erasure>& pending);
  [[nodiscard]] Status bring_on(std::vector<v1::Erasure>& pending, Some& to_purge, Some& to_verify);
  // True: it is ready to be purged from files, or, if it was, to be verified.
  [[nodiscard]] Result<bool> bring_on(v1::Erasure& erasure);
  [[nodiscard]] Result<bool> wait_for(v1::Erasure& erasure);
  [[nodiscard]] Result<bool> is_gone_from_profiles(const v1::Erasure& erasure);
  [[nodiscard]] Status sweep_letters(const Some& erasures);
  [[nodiscard]] Status sweep_letters(const std::string& tenant, const Wanted& wanted);
  [[nodiscard]] Status verify(const Some& purged, Some& to_purge);
  [[nodiscard]] Status purge_files(const Some& ready);
  [[nodiscard]] Status save(const Some& erasures);

  const KeeperOptions& options_;
  KeptRows& kept_;
  ErasureCopies& copies_;
  std::atomic<bool>& stopping_;
  env::Steadiness steadiness_;
  env::TimeUs purge_due_us_ = 0;
};

}  // namespace freshet::console
