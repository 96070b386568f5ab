// One thread at a time does what may write to a store's write-ahead log, and nobody after the first failure. RocksDB
// ends the process by an assertion of its own (AssertFalseAndGetStatusForPrevError, in 7.8 as Debian builds it) if a
// second thread writes to a file after the first has met a full disk; then nobody reads why.
//
// Stores whose rows have no log are not held up: nothing is ever written to theirs. The first row that goes through a
// log waits for what was begun before it.
#pragma once

#include <rocksdb/status.h>

#include <atomic>
#include <mutex>
#include <shared_mutex>

namespace freshet::kv {

// Thread-safe.
class WriteGate {
 public:
  // From now on rows of this store go through its log.
  void uses_log() { uses_log_.store(true, std::memory_order_relaxed); }

  // What `operation` returns, a rocksdb::Status; or, without calling it, what the first one that failed had returned.
  template <class Operation>
  [[nodiscard]] rocksdb::Status run(const Operation& operation) {
    if (!uses_log_.load(std::memory_order_relaxed)) {
      const std::shared_lock lock(mutex_);
      if (!uses_log_.load(std::memory_order_relaxed)) return operation();
    }
    const std::unique_lock lock(mutex_);
    if (!first_.ok()) return first_;
    rocksdb::Status status = operation();
    if (status.IsIOError() || status.IsCorruption()) first_ = status;
    return status;
  }

 private:
  std::atomic<bool> uses_log_{false};
  std::shared_mutex mutex_;
  rocksdb::Status first_;  // guarded by mutex_
};

}  // namespace freshet::kv
