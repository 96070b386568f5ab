// Which faults a seed has. The order of the rolls is part of every seed.

#include "faults.h"

#include <initializer_list>
#include <utility>

namespace freshet::sim {

Faults Faults::roll(Dice& dice) {
  static const std::vector<size_t> kBatches = {2, 6, 24, 64};
  Faults faults;
  faults.batch_max = dice.pick(kBatches);
  if (dice.one_in(8)) return faults;  // this run is calm
  const std::initializer_list<std::pair<uint32_t*, uint32_t>> most = {
      {&faults.crash_ingest, 60},    {&faults.crash_worker, 80},       {&faults.crash_reactor, 60},
      {&faults.crash_store, 5},      {&faults.rebalance, 6},           {&faults.zombie, 6},
      {&faults.standby, 4},          {&faults.clock_jump, 4},          {&faults.lose_state, 300},
      {&faults.older_state, 300},    {&faults.keep_unsynced, 500},     {&faults.abort, 60},
      {&faults.unknown_outcome, 60}, {&faults.rebalance_in_batch, 30}, {&faults.request_lost, 60},
      {&faults.answer_lost, 60},     {&faults.duplicate_request, 60},  {&faults.append_refused, 60},
      {&faults.store_slow, 500},     {&faults.store_fails, 200},       {&faults.store_poison, 4}};
  for (const auto& [chance, highest] : most)
    if (dice.one_in(2)) *chance = 1 + static_cast<uint32_t>(dice.roll(highest));
  faults.own_disks = dice.one_in(2);
  faults.standbys = faults.own_disks && dice.one_in(2);
  // On shared disks these would be one and the same fault for all, or none at all.
  if (!faults.own_disks) faults.zombie = faults.standby = faults.lose_state = faults.older_state = 0;
  return faults;
}

}  // namespace freshet::sim
