// The memory that stores share (store.h says what for). RocksDB's write buffer manager makes the store that happens to
// write flush itself, or stall until another one does, which nobody may ever cause. So the budget itself chooses: the
// store with the most in memory is flushed.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/write_buffer_manager.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kv/store.h"
#include "kv/write_gate.h"

namespace freshet::kv {

// Thread-safe.
class MemoryBudget {
 public:
  struct Member {
    rocksdb::DB* db = nullptr;
    WriteGate* gate = nullptr;
  };

  explicit MemoryBudget(size_t bytes);

  [[nodiscard]] const std::shared_ptr<rocksdb::Cache>& cache() const { return cache_; }
  [[nodiscard]] const std::shared_ptr<rocksdb::WriteBufferManager>& buffers() const { return buffers_; }

  void add(const Member& member);
  void remove(const rocksdb::DB* db);

  // Called before a write. If all buffers are full it waits for a flush of the fullest store; errors show in the write
  // itself. REQUIRES, for this and relieve(): the caller is not in a gate of a member.
  void wait_for_room();
  // Called after a write. If the buffers are half full it has the fullest flushed; what is being flushed has the other
  // half.
  void relieve();

 private:
  // The store that has most of what the property counts; null: none has anything.
  [[nodiscard]] const Member* fullest_by(const std::string& property) const;

  size_t buffer_bytes_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<rocksdb::WriteBufferManager> buffers_;
  std::mutex mutex_;
  std::vector<Member> members_;
};

}  // namespace freshet::kv
