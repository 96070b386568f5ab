// A record as files have it.
#pragma once

#include <string>

#include "sinks/sink.h"

namespace freshet::sinks {

// One object of JSON; "": the record is damaged.
[[nodiscard]] std::string json_of(const Item& item, eventlog::Topic topic);

}  // namespace freshet::sinks
