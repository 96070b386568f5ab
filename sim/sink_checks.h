// What must be in the targets of sinks when all is said and done, computed from what was written into the log.
#pragma once

#include "sink_source.h"
#include "sink_stage.h"

namespace freshet::sim {

// Throws Violation, unless each event is in one file of one manifest, in its order; each row is there and no other, of
// events and of profiles; each event was delivered, first deliveries in their order, or is a dead letter; the state
// topic gives the profiles, and none of its keys has ever gone back.
void check_sinks(const SinkStage& stage, const SinkSource& source);

}  // namespace freshet::sim
