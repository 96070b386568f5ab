// What mirrors cost beside the brokers, and what they would cost as the other kind.
#pragma once

#include <string>
#include <vector>

#include "fleet/plan/prices.h"
#include "fleet/topology.h"

namespace freshet::fleet {

// The machines of a mirror, of one kind.
struct MirrorUse {
  double cores = 0;  // at the peak, with the room that limits leave
  double memory_bytes = 0;
  double usd_per_month = 0;
};

struct MirrorPlan {
  std::string name;
  MirrorKind kind = MirrorKind::kMirrorMaker;
  double messages_per_s = 0;  // at the peak
  uint32_t processes = 0;
  MirrorUse use;
  MirrorUse as_other;  // if it were of the other kind, and that could do it
  bool other_can = true;
};

// Microseconds of a core that this kind takes for a message.
[[nodiscard]] double mirrored_message_us(MirrorKind kind, const Prices& prices);
// What this mirror takes as one of `kind`. Cores are paid at the cheapest that may be recommended, as machines of
// mirrors are not in the file.
[[nodiscard]] MirrorUse use_of(const Topology& fleet, const Mirror& mirror, MirrorKind kind, const Prices& prices);
// In the order of the file.
[[nodiscard]] std::vector<MirrorPlan> plan_mirrors(const Topology& fleet, const Prices& prices);

}  // namespace freshet::fleet
