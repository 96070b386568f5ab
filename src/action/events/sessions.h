// Sessions of a profile, by the time of its events: two that lie no further apart than the tenant's gap belong to one
// session, whatever the order in which they arrive, and from whichever device. Pure functions.
//
// The last sessions are kept with their begin and end, so a late event extends the one that it falls into, joins two
// that it lies between, or makes one of its own. Older sessions are only counted. What lies before all that are kept
// changes nothing any more: which of the older ones it belongs to can't be known. Where one of two profiles that become
// one has a session from before, that is counted as one of its own. So sessions depend on the order of arrival, but
// only beyond the last ones; convergence leaves them out.
#pragma once

#include <cstdint>

#include "base/mutant.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

inline constexpr int kRecentSessionsMax = FRESHET_BOUND(16, 64);

// Puts an event into its session. True: the number of sessions is another one now.
bool note_activity(v1::Sessions& sessions, int64_t time_us, int64_t gap_us);
// Puts the sessions of a merged profile among its own.
void absorb_sessions(v1::Sessions& sessions, const v1::Sessions& from, int64_t gap_us);

// What a reader sees: how many there were, how long they took in all, and which is the last one.
[[nodiscard]] uint64_t session_count(const v1::Sessions& sessions);
[[nodiscard]] int64_t session_seconds(const v1::Sessions& sessions);
// REQUIRES: there is one.
[[nodiscard]] v1::EventStats last_session(const v1::Sessions& sessions);

}  // namespace freshet::action
