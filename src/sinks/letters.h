// Records that a sink's target has refused, as dead letters.
#pragma once

#include <string>

#include "sinks/sink.h"

namespace freshet::sinks {

// Durable when it returns. The same record of the same sink makes the same letter, so a repeat is no second one.
[[nodiscard]] Status append_letter(eventlog::EventLog& log, const Around& around, eventlog::TopicPartition from,
                                   const Item& item, const std::string& why);

}  // namespace freshet::sinks
