// What nearly every record asks of a state, without decoding the rows that it asks for as a whole.
#pragma once

#include "base/hash.h"
#include "freshet/v1/envelope.pb.h"
#include "state/alias_row.h"
#include "state/partition_state.h"

namespace freshet::state {

// What find_alias() would say of it.
[[nodiscard]] Holder find_holder(PartitionState& state, const Hash128& key);

// The entity with no more of its events than the record names (state/entity_slice.h), for that record alone: nothing
// else may be asked for before keep_slice(). nullptr: it is decoded already, or has to be (find_entity()).
[[nodiscard]] Entity* slice_entity(PartitionState& state, const Hash128& id, const v1::Envelope& record);
// What was changed of it becomes its row. Without a slice nothing is done.
void keep_slice(PartitionState& state);

}  // namespace freshet::state
