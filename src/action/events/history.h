// The history of an identity tells which records made it what it is, so that support can answer why two customers are
// one. It is in the order of received_at, and bounded: the first entry and the last ones stay. It depends on the order
// of arrival, so convergence leaves it out.
#pragma once

#include "base/mutant.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

inline constexpr int kHistoryEntriesMax = FRESHET_BOUND(65, 4);

// Puts an entry in its place, and lets the second one go if there are too many: the first says how the profile came to
// be.
void add_history(v1::EntityState& entity, v1::HistoryEntry&& entry);

// The entries of a merged profile, or of a chunk of it, among its own.
void absorb_history(v1::EntityState& entity, const v1::EntityState& from);

// As documents have it: an array of JSON objects, as one text, since nobody on its way looks into it. The value of an
// identifier is told only while the profile has it.
[[nodiscard]] v1::Value history_value(v1::EntityState& entity);

}  // namespace freshet::action
