// Enriched events as rows for PostgreSQL.
#pragma once

#include <string>
#include <vector>

#include "sinks/sink.h"

namespace freshet::sinks {

// A JSON array of rows. kInvalid: an item is no event. `columns`: properties that have a column of their own.
[[nodiscard]] Result<std::string> rows_of_events(const Batch& batch, const std::vector<std::string>& columns);

}  // namespace freshet::sinks
