// Whether nothing is on its way in a log any more: for whoever takes its states somewhere else.
#pragma once

#include <cstdint>
#include <vector>

#include "app/config.h"
#include "base/result.h"
#include "eventlog/event_log.h"

namespace freshet::app {

// Whether a record lies at or after `from`.
[[nodiscard]] Result<bool> has_more(eventlog::EventLog& log, eventlog::TopicPartition of, eventlog::Offset from);

// How many records of a partition of `overflow` wait, of which its group has committed `from`: its lanes are at
// different places, which the records without a key tell.
[[nodiscard]] Result<uint64_t> waiting_in_overflow(eventlog::EventLog& log, uint32_t partition, eventlog::Offset from);

// All that is in `actions` and `overflow` is in the states that stand for these offsets of `actions`, by partition, and
// all changes are in the profile store. kConflict: it is not so; says what to do.
[[nodiscard]] Status check_drained(eventlog::EventLog& log, const Config& config,
                                   const std::vector<eventlog::Offset>& states);

}  // namespace freshet::app
