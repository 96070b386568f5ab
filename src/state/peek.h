// Rows as they are now, for who reads profiles and not records: nothing is decoded, cached or noted for it, so what the
// engine does next does not depend on who has looked. Called by the state's own thread. An error is the reader's alone:
// the engine finds out by itself if it needs the same row.
#pragma once

#include <optional>

#include "base/hash.h"
#include "base/result.h"
#include "freshet/v1/envelope.pb.h"
#include "model/entity_ref.h"

namespace freshet::state {

class PartitionState;

// The entity with this id, unpacked; nullopt: there was never one.
[[nodiscard]] Result<std::optional<v1::EntityState>> peek_entity(const PartitionState& state, const Hash128& id);
// Whom the alias leads to; nullopt: nobody has the identifier.
[[nodiscard]] Result<std::optional<model::EntityRef>> peek_holder(const PartitionState& state, const Hash128& key);
// Whether a message with this fingerprint came within the window of deduplication.
[[nodiscard]] Result<bool> peek_seen(const PartitionState& state, const Hash128& message);

}  // namespace freshet::state
