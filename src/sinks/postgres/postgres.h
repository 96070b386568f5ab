// Keeps a table of profiles or of events in PostgreSQL. A batch and the place behind it are one transaction, so each
// record is there once, whatever dies. docs/sinks.md has the tables.
#pragma once

#include <functional>
#include <memory>

#include "sinks/postgres/tables.h"
#include "sinks/sink.h"

namespace freshet::sinks {

// kRetry: the server is away. kFatal: a table is not as it must be.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_postgres(const Around& around);
using OpenTables = std::function<Result<std::unique_ptr<SinkTables>>()>;
// The same on tables that are opened so, now and whenever they are of no more use.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_postgres_on(const Around& around, OpenTables open);

}  // namespace freshet::sinks
