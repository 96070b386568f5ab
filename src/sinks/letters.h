// Records that a sink's target has refused, or that no sink can use, as dead letters.
#pragma once

#include <string>
#include <string_view>

#include "sinks/sink.h"

namespace freshet::sinks {

// `code`: of the letter, as docs/operations/strangers.md has them.
// Durable when it returns. The same record of the same sink makes the same letter, so a repeat is no second one.
[[nodiscard]] Status append_letter(eventlog::EventLog& log, const Around& around, eventlog::TopicPartition from,
                                   const Item& item, std::string_view code, const std::string& why);

}  // namespace freshet::sinks
