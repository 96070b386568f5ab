// The log on RocksDB, for one process. One thread writes: it takes everything that waits (appends and commits of all
// callers), writes it as one batch with one sync, then answers all of them and moves the high watermarks. Consumers see
// only what is synced. The newest records are also kept in memory, so that consumers which keep up read no disk.
//
// Rows (big-endian numbers; docs/format/embedded-log.md has the grammar and examples):
//   'c' topic:u8 partition:u32 base:u64     -> a chunk: count:u32 appended_at_us:u64 records (RecordBatch grammar)
//   'g' group '\0' topic:u8 partition:u32   -> next offset:u64
//   't' topic:u8                            -> topic options
//   'm' topic:u8 partition:u32              -> low:u64 high:u64 bytes:u64
#pragma once

#include <memory>

#include "eventlog/event_log.h"
#include "kv/store.h"

namespace freshet::eventlog {

struct EmbeddedLogOptions {
  size_t queue_bytes_max = 64u << 20;  // waiting appends; more is answered kRetry. Commits always get in: they are bounded by their workers.
  size_t tail_bytes_max = 64u << 20;   // newest chunks kept in memory, all partitions together
  env::TimeUs retention_interval_us = 10'000'000;
};

// The store must have large_values set. Retention runs on a thread of the log.
[[nodiscard]] Result<std::unique_ptr<EventLog>> open_embedded_log(std::unique_ptr<kv::Store> store, env::Clock& clock,
                                                                  const EmbeddedLogOptions& options);

}  // namespace freshet::eventlog
