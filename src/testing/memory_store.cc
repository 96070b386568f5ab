#include "testing/memory_store.h"

#include <utility>

#include "base/assert.h"

namespace freshet::kv {
namespace {

using Rows = std::map<std::string, std::string, std::less<>>;

// Applies a batch to the rows in memory and notes what became of each key. Operands of one key that follow one another
// are merged at once.
class Apply final : public WriteBatch::Visitor {
 public:
  Apply(Rows& rows, const MergeFn& merge, MemoryDisk::Write& noted) : rows_(rows), merge_(merge), noted_(noted) {}
  void put(std::string_view key, std::string_view value) override {
    finish();
    assign(key, std::string(value));
  }
  void merge(std::string_view key, std::string_view operand) override {
    if (key != merged_) finish();
    merged_ = key;
    operands_.push_back(operand);
  }
  void remove(std::string_view key) override {
    finish();
    noted_.emplace_back(key, std::nullopt);
    if (const auto at = rows_.find(key); at != rows_.end()) rows_.erase(at);
  }
  void remove_range(std::string_view begin, std::string_view end) override {
    finish();
    const auto last = rows_.lower_bound(end);
    for (auto at = rows_.lower_bound(begin); at != last; at = rows_.erase(at))
      noted_.emplace_back(at->first, std::nullopt);
  }
  // What waits to be merged. REQUIRED after the last operation, while the batch is still there.
  void finish() {
    if (operands_.empty()) return;
    const auto at = rows_.find(merged_);
    std::optional<std::string_view> existing;
    if (at != rows_.end()) existing = at->second;
    assign(merged_, merge_(existing, operands_));
    operands_.clear();
  }

 private:
  void assign(std::string_view key, std::string value) {
    noted_.emplace_back(key, value);
    const auto at = rows_.lower_bound(key);
    if (at != rows_.end() && at->first == key) {
      at->second = std::move(value);
    } else {
      rows_.emplace_hint(at, key, std::move(value));
    }
  }

  Rows& rows_;
  const MergeFn& merge_;
  MemoryDisk::Write& noted_;
  std::string_view merged_;  // the key of the operands
  std::vector<std::string_view> operands_;
};

class Sorted final : public SortedRows {
 public:
  void put(std::string_view key, std::string_view value) override { batch.put(in_order(key), value); }
  void merge(std::string_view key, std::string_view operand) override { batch.merge(in_order(key), operand); }
  WriteBatch batch;

 private:
  std::string_view in_order(std::string_view key) {
    FRESHET_ASSERT(last_.empty() || last_ < key);
    last_ = key;
    return key;
  }
  std::string last_;
};

class MemoryStore final : public Store {
 public:
  MemoryStore(std::shared_ptr<MemoryDisk> disk, const Options& options) : disk_(std::move(disk)), options_(options) {
    const std::lock_guard lock(disk_->mutex);
    disk_->unsynced.clear();
    rows_ = disk_->rows;
  }

  Result<std::optional<std::string>> get(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    const auto at = rows_.find(key);
    return at == rows_.end() ? std::nullopt : std::optional(at->second);
  }

  Status multi_get(std::span<const std::string_view> keys, const Found& found) override {
    for (size_t i = 0; i < keys.size(); ++i)
      if (const auto value = *get(keys[i])) found(i, *value);
    return {};
  }

  Status write(WriteBatch& batch, Durability durability) override {
    const std::lock_guard lock(mutex_);
    MemoryDisk::Write noted;
    Apply apply(rows_, options_.merge, noted);
    batch.visit(apply);
    apply.finish();
    {
      const std::lock_guard disk_lock(disk_->mutex);
      disk_->unsynced.push_back(std::move(noted));
    }
    if (durability == Durability::kSynced) save();
    return {};
  }

  Status write_sorted(const std::function<void(SortedRows&)>& fill) override {
    Sorted rows;
    fill(rows);
    return write(rows.batch, Durability::kSynced);
  }

  Status scan(std::string_view begin, std::string_view end,
              const std::function<bool(std::string_view, std::string_view)>& visit) override {
    const std::lock_guard lock(mutex_);
    for (auto at = rows_.lower_bound(begin); at != rows_.end() && (end.empty() || at->first < end); ++at)
      if (!visit(at->first, at->second)) break;
    return {};
  }

  Status scan_back(std::string_view begin, std::string_view end,
                   const std::function<bool(std::string_view, std::string_view)>& visit) override {
    const std::lock_guard lock(mutex_);
    for (auto at = end.empty() ? rows_.end() : rows_.lower_bound(end); at != rows_.begin();) {
      --at;
      if (at->first < begin || !visit(at->first, at->second)) break;
    }
    return {};
  }

  Status flush() override { return sync(); }
  Status sync() override {
    const std::lock_guard lock(mutex_);
    save();
    return {};
  }
  Status reclaim(std::string_view, std::string_view) override { return {}; }
  uint64_t disk_bytes() override { return 0; }

 private:
  void save() {
    const std::lock_guard lock(disk_->mutex);
    disk_->keep(disk_->unsynced.size());
  }

  std::shared_ptr<MemoryDisk> disk_;
  Options options_;
  std::mutex mutex_;
  Rows rows_;
};

}  // namespace

void MemoryDisk::keep(size_t count) {
  for (; count > 0 && !unsynced.empty(); --count) {
    for (auto& [key, value] : unsynced.front()) {
      if (value) {
        rows.insert_or_assign(std::move(key), std::move(*value));
      } else {
        rows.erase(key);
      }
    }
    unsynced.pop_front();
  }
}

std::unique_ptr<Store> open_memory(std::shared_ptr<MemoryDisk> disk, const Options& options) {
  return std::make_unique<MemoryStore>(std::move(disk), options);
}

}  // namespace freshet::kv
