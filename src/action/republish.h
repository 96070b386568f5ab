// Says the profiles of a partition whole, each at a new version: for a profile store that was damaged and set aside,
// and knows nothing any more, or those of a tenant alone, for who wants to know all of them. Asked so, those that are
// gone are said, too, as removed; and one alone may be asked for, whose change a store has refused. It goes from entity
// to entity in the order of their ids, some in each step; the next step is asked for by a record of the partition to
// itself, so that what comes in meanwhile does not wait for all.
#pragma once

#include "action/outputs.h"
#include "action/rules.h"
#include "freshet/v1/envelope.pb.h"
#include "state/partition_state.h"

namespace freshet::action {

// False: nobody has asked for this.
[[nodiscard]] bool is_sound(const v1::Republish& asked);

// One step. A part of the logic: what it does depends on the record and the state alone. REQUIRES: the record has
// control.republish, which is sound.
void republish(const v1::Envelope& record, uint32_t partition, const Rules& rules, state::PartitionState& state,
               Outputs& out);

// Where a tenant that was known before has other audiences now, asks this partition to judge its profiles, step by
// step. `before`: Rules::audience_hashes().
void judge_anew(const std::map<std::string, uint64_t>& before, const v1::Envelope& control, uint32_t partition,
                const Rules& rules, Outputs& out);

}  // namespace freshet::action
