// For tests: a kv::Store in memory whose rows outlive it, and one in front of any store whose writes can be made to
// fail or to wait, and which counts syncs. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kv/store.h"

namespace freshet::eventlog::embedded {

struct MemoryRows {
  std::mutex mutex;
  std::map<std::string, std::string, std::less<>> rows;
};

// No merges; durability is as good as MemoryRows' life.
class MemoryStore final : public kv::Store {
 public:
  using Visit = std::function<bool(std::string_view, std::string_view)>;
  using Rows = std::map<std::string, std::string, std::less<>>;

  explicit MemoryStore(std::shared_ptr<MemoryRows> rows) : rows_(std::move(rows)) {}

  Status write(kv::WriteBatch& batch, kv::Durability) override {
    const std::lock_guard lock(rows_->mutex);
    Applier applier(rows_->rows);
    batch.visit(applier);
    return {};
  }
  Result<std::optional<std::string>> get(std::string_view key) override {
    const std::lock_guard lock(rows_->mutex);
    const auto found = rows_->rows.find(key);
    if (found == rows_->rows.end()) return std::nullopt;
    return found->second;
  }
  Status multi_get(std::span<const std::string> keys, std::vector<std::optional<std::string>>& values) override {
    values.clear();
    for (const std::string& key : keys) values.push_back(*get(key));
    return {};
  }
  Status scan(std::string_view begin, std::string_view end, const Visit& visit) override {
    const Rows rows = copy(begin, end);
    for (auto row = rows.begin(); row != rows.end() && visit(row->first, row->second);) ++row;
    return {};
  }
  Status scan_back(std::string_view begin, std::string_view end, const Visit& visit) override {
    const Rows rows = copy(begin, end);
    for (auto row = rows.rbegin(); row != rows.rend() && visit(row->first, row->second);) ++row;
    return {};
  }
  Status flush() override { return {}; }
  Status sync() override { return {}; }
  Status reclaim(std::string_view, std::string_view) override { return {}; }
  uint64_t disk_bytes() override { return 0; }

 private:
  class Applier final : public kv::WriteBatch::Visitor {
   public:
    explicit Applier(Rows& rows) : rows_(rows) {}
    void put(std::string_view key, std::string_view value) override { rows_.insert_or_assign(std::string(key), value); }
    void merge(std::string_view, std::string_view) override { std::abort(); }
    void remove(std::string_view key) override { rows_.erase(std::string(key)); }
    void remove_range(std::string_view begin, std::string_view end) override {
      rows_.erase(rows_.lower_bound(begin), rows_.lower_bound(end));
    }

   private:
    Rows& rows_;
  };

  Rows copy(std::string_view begin, std::string_view end) {
    const std::lock_guard lock(rows_->mutex);
    return {rows_->rows.lower_bound(begin), end.empty() ? rows_->rows.end() : rows_->rows.lower_bound(end)};
  }

  std::shared_ptr<MemoryRows> rows_;
};

// In front of any store. The switches may be used from any thread and outlive the store.
struct StoreSwitches {
  std::atomic<uint64_t> syncs{0};
  std::atomic<bool> fail_writes{false};

  void hold_writes(bool hold) {
    const std::lock_guard lock(mutex);
    held = hold;
    condition.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex);
    condition.wait(lock, [this] { return !held; });
  }

  std::mutex mutex;
  std::condition_variable condition;
  bool held = false;
};

class SwitchedStore final : public kv::Store {
 public:
  using Visit = std::function<bool(std::string_view, std::string_view)>;

  SwitchedStore(std::unique_ptr<kv::Store> store, std::shared_ptr<StoreSwitches> switches)
      : store_(std::move(store)), switches_(std::move(switches)) {}

  Status write(kv::WriteBatch& batch, kv::Durability durability) override {
    switches_->pass();
    if (switches_->fail_writes) return fail(Code::kFatal, "the disk is gone");
    if (durability == kv::Durability::kSynced) ++switches_->syncs;
    return store_->write(batch, durability);
  }
  Result<std::optional<std::string>> get(std::string_view key) override { return store_->get(key); }
  Status multi_get(std::span<const std::string> keys, std::vector<std::optional<std::string>>& values) override {
    return store_->multi_get(keys, values);
  }
  Status scan(std::string_view begin, std::string_view end, const Visit& visit) override {
    return store_->scan(begin, end, visit);
  }
  Status scan_back(std::string_view begin, std::string_view end, const Visit& visit) override {
    return store_->scan_back(begin, end, visit);
  }
  Status flush() override { return store_->flush(); }
  Status sync() override { return store_->sync(); }
  Status reclaim(std::string_view begin, std::string_view end) override { return store_->reclaim(begin, end); }
  uint64_t disk_bytes() override { return store_->disk_bytes(); }

 private:
  std::unique_ptr<kv::Store> store_;
  std::shared_ptr<StoreSwitches> switches_;
};

}  // namespace freshet::eventlog::embedded
