// Records of a topic as a table in Parquet. docs/sinks.md lists the columns.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sinks/sink.h"

namespace freshet::sinks {

// The file of these items, one row each. `columns`: as in the configuration; only events have them.
[[nodiscard]] std::string parquet_of(eventlog::TopicPartition from, std::span<const Item* const> items,
                                     const std::vector<std::string>& columns, model::Compression how);

}  // namespace freshet::sinks
