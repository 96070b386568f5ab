#include "kv/memory_budget.h"

#include "base/assert.h"

namespace freshet::kv {
namespace {

// RocksDB would hold writers back itself (a write stall) once its buffers are full, and the state's worker with them;
// so a flush is asked for early, and may not wait for that.
bool flush_member(const MemoryBudget::Member& member, bool wait) {
  rocksdb::FlushOptions options;
  options.wait = wait;
  options.allow_write_stall = true;
  return member.gate->run([&] { return member.db->Flush(options); }).ok();
}

}  // namespace

MemoryBudget::MemoryBudget(size_t bytes) : buffer_bytes_(bytes / 3) {
  rocksdb::LRUCacheOptions cache;
  cache.capacity = bytes;
  cache.num_shard_bits = 4;
  cache.high_pri_pool_ratio = 0.5;  // for indexes and filters
  cache_ = rocksdb::NewLRUCache(cache);
  buffers_ = std::make_shared<rocksdb::WriteBufferManager>(buffer_bytes_, cache_, /*allow_stall=*/false);
}

void MemoryBudget::add(const Member& member) {
  FRESHET_ASSERT(member.db != nullptr && member.gate != nullptr);
  const std::lock_guard lock(mutex_);
  members_.push_back(member);
}

void MemoryBudget::remove(const rocksdb::DB* db) {
  const std::lock_guard lock(mutex_);
  std::erase_if(members_, [db](const Member& member) { return member.db == db; });
}

// Whoever has the most frees the most. Each flush is waited for: the caller is about to write more than there is room
// for, which is the one case in which memory goes before time.
void MemoryBudget::wait_for_room() {
  if (buffers_->memory_usage() < buffer_bytes_) return;
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < members_.size() && buffers_->memory_usage() >= buffer_bytes_; ++i) {
    const Member* fullest = fullest_by("rocksdb.cur-size-all-mem-tables");
    if (fullest == nullptr || !flush_member(*fullest, /*wait=*/true)) return;
  }
}

// At half of the buffers, while there is time: nobody waits for these flushes.
void MemoryBudget::relieve() {
  if (buffers_->mutable_memtable_memory_usage() < buffer_bytes_ / 2) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;  // Another thread is doing it already.
  for (size_t i = 0; i < members_.size() && buffers_->mutable_memtable_memory_usage() >= buffer_bytes_ / 2; ++i) {
    const Member* fullest = fullest_by("rocksdb.cur-size-active-mem-table");
    if (fullest == nullptr || !flush_member(*fullest, /*wait=*/false)) return;
  }
}

const MemoryBudget::Member* MemoryBudget::fullest_by(const std::string& property) const {
  const Member* fullest = nullptr;
  uint64_t most = 0;
  for (const Member& member : members_) {
    uint64_t bytes = 0;
    if (member.db->GetIntProperty(property, &bytes) && bytes > most) {
      most = bytes;
      fullest = &member;
    }
  }
  return fullest;
}

std::shared_ptr<MemoryBudget> make_memory_budget(size_t bytes) { return std::make_shared<MemoryBudget>(bytes); }

}  // namespace freshet::kv
