// The log on RocksDB, for one process. One thread writes: it takes everything that waits (appends and commits of all
// callers), writes it as one batch with one sync, then answers all of them and moves the high watermarks. Consumers see
// only what is synced. The newest records are also kept in memory, so that consumers which keep up read no disk.
//
// Rows: docs/format/embedded-log.md has the grammar and an example, embedded/rows.h the code.
//
// After a failed write the log is closed for good: every call answers kFatal with the cause, until it is opened again.
#pragma once

#include <memory>

#include "eventlog/embedded/embedded_log_options.h"
#include "eventlog/event_log.h"
#include "kv/store.h"

namespace freshet::eventlog {

// The store must have large_values and log_like set, and is the log's alone. Retention (of all topics but `actions`,
// which is left to trim()) runs on a thread of the log. Consumers must be gone before the log.
[[nodiscard]] Result<std::unique_ptr<EventLog>> open_embedded_log(std::unique_ptr<kv::Store> store, env::Clock& clock,
                                                                  const EmbeddedLogOptions& options);

}  // namespace freshet::eventlog
