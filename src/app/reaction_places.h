// Where reaction goes on in `changes`, if what it had not read is gone: Kafka deletes by age, whoever still needs it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::app {

// Moves reaction's place in each partition that begins behind it to where it begins now; returns how many those were.
// The changes in between are skipped, so whoever calls this has every profile said whole again. REQUIRES: no reaction
// runs. kConflict: one does, it has some of the partitions. Waits for the group to share its partitions out.
[[nodiscard]] Result<uint32_t> move_places_up(eventlog::EventLog& log, env::Clock& clock);

}  // namespace freshet::app
