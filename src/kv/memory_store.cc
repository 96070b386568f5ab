#include "kv/memory_store.h"

#include <utility>

namespace freshet::kv {
namespace {

using Rows = std::map<std::string, std::string, std::less<>>;

class Apply final : public WriteBatch::Visitor {
 public:
  Apply(Rows& rows, const MergeFn& merge) : rows_(rows), merge_(merge) {}
  void put(std::string_view key, std::string_view value) override {
    rows_.insert_or_assign(std::string(key), std::string(value));
  }
  void merge(std::string_view key, std::string_view operand) override {
    const auto at = rows_.find(key);
    const std::string_view operands[] = {operand};
    std::optional<std::string_view> existing;
    if (at != rows_.end()) existing = at->second;
    put(key, merge_(existing, operands));
  }
  void remove(std::string_view key) override { rows_.erase(std::string(key)); }
  void remove_range(std::string_view begin, std::string_view end) override {
    rows_.erase(rows_.lower_bound(begin), rows_.lower_bound(end));
  }

 private:
  Rows& rows_;
  const MergeFn& merge_;
};

class MemoryStore final : public Store {
 public:
  MemoryStore(std::shared_ptr<MemoryDisk> disk, const Options& options) : disk_(std::move(disk)), options_(options) {
    const std::lock_guard lock(disk_->mutex);
    rows_ = disk_->rows;
  }

  Result<std::optional<std::string>> get(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    const auto at = rows_.find(key);
    return at == rows_.end() ? std::nullopt : std::optional(at->second);
  }

  Status multi_get(std::span<const std::string> keys, std::vector<std::optional<std::string>>& values) override {
    values.clear();
    for (const std::string& key : keys) values.push_back(*get(key));
    return {};
  }

  Status write(WriteBatch& batch, Durability durability) override {
    const std::lock_guard lock(mutex_);
    Apply apply(rows_, options_.merge);
    batch.visit(apply);
    if (durability == Durability::kSynced) save();
    return {};
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
    disk_->rows = rows_;
  }

  std::shared_ptr<MemoryDisk> disk_;
  Options options_;
  std::mutex mutex_;
  Rows rows_;
};

}  // namespace

std::unique_ptr<Store> open_memory(std::shared_ptr<MemoryDisk> disk, const Options& options) {
  return std::make_unique<MemoryStore>(std::move(disk), options);
}

}  // namespace freshet::kv
