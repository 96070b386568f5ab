// How many events of one person count in a minute, an hour and a day (`limits.person` of a tenant). Decided by
// received_at alone, so that a replay decides the same; the state is three numbers with their counts, however many
// events come. docs/operations/rates.md.
//
// Windows are those of the clock: a minute begins at its first second. One that is over is forgotten; what was received
// earlier than the window that is counted, and comes later, counts in that one.
#pragma once

#include <cstdint>

#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

// Whether a record of that time may come in, with all of its events: there is room for one of them at least.
[[nodiscard]] bool has_room(const v1::EventWindows& windows, const v1::PersonLimits& limits, int64_t received_at_us);
void count_events(v1::EventWindows& windows, int64_t received_at_us, uint32_t events);
// Of two profiles that become one, both count.
void absorb_windows(v1::EventWindows& windows, const v1::EventWindows& from);

}  // namespace freshet::action
