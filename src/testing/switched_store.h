// For tests: a kv::Store in memory whose rows outlive it, and one in front of any store whose writes can be made to
// fail or to wait, and which counts syncs and scans. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kv/store.h"

namespace freshet::eventlog::embedded {

// The switches may be used from any thread and outlive the store.
struct StoreSwitches {
  std::atomic<uint64_t> syncs{0};
  std::atomic<uint64_t> scans{0};  // in both directions
  std::atomic<bool> fail_writes{false};
  std::atomic<bool> ill{false};  // a write has failed
  std::atomic<int> waiting{0};   // writes that are held

  void hold_writes(bool hold) {
    const std::lock_guard lock(mutex);
    held = hold;
    condition.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex);
    ++waiting;
    condition.wait(lock, [this] { return !held; });
    --waiting;
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
    if (switches_->fail_writes) return gone();
    if (durability == kv::Durability::kSynced) ++switches_->syncs;
    return store_->write(batch, durability);
  }
  Status write_sorted(const std::function<void(kv::SortedRows&)>& fill) override {
    switches_->pass();
    if (switches_->fail_writes) return gone();
    return store_->write_sorted(fill);
  }
  Result<std::optional<std::string>> get(std::string_view key) override { return store_->get(key); }
  Status multi_get(std::span<const std::string_view> keys, const Found& found) override {
    return store_->multi_get(keys, found);
  }
  Status scan(std::string_view begin, std::string_view end, const Visit& visit) override {
    ++switches_->scans;
    return store_->scan(begin, end, visit);
  }
  Status scan_back(std::string_view begin, std::string_view end, const Visit& visit) override {
    ++switches_->scans;
    return store_->scan_back(begin, end, visit);
  }
  Status flush() override { return store_->flush(); }
  Status sync() override { return store_->sync(); }
  Status reclaim(std::string_view begin, std::string_view end) override { return store_->reclaim(begin, end); }
  uint64_t disk_bytes() override { return store_->disk_bytes(); }
  Status health() override { return switches_->ill ? fail(Code::kFatal, "the disk was gone") : store_->health(); }

 private:
  Status gone() {
    switches_->ill = true;
    return fail(Code::kFatal, "the disk is gone");
  }

  std::unique_ptr<kv::Store> store_;
  std::shared_ptr<StoreSwitches> switches_;
};

}  // namespace freshet::eventlog::embedded
