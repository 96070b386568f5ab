// A store whose look-ups are done on threads of its own, for whoever must not wait for one that is slow or away: the
// admin listener, whose one thread also answers the probes of the process.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "docstore/doc_store.h"

namespace freshet::docstore {

// What is not a look-up goes straight to `store`, which must outlive it. Where one look-up ends in kRetry, those that
// waited meanwhile get the same answer: each would otherwise wait as long again, one after the other, for a store that
// is away.
class ReadsAside final : public DocStore {
 public:
  static constexpr uint32_t kThreads = 4;
  static constexpr size_t kWaitingMax = 64;  // beyond that a look-up is kRetry

  explicit ReadsAside(DocStore& store, uint32_t threads = kThreads);
  ~ReadsAside() override { close(); }
  ReadsAside(const ReadsAside&) = delete;
  ReadsAside& operator=(const ReadsAside&) = delete;
  // Look-ups that wait, and those that come from now on, are kRetry. It returns when no other is under way.
  void close();

  void find_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier,
                 FindDone done) override;
  void get_soon(const EntityKey& key, FindDone done) override;
  void find_by_prefix_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& begin, size_t count,
                           FindManyDone done) override;

  void write(std::vector<v1::Change> bulk, WriteDone done) override { store_.write(std::move(bulk), std::move(done)); }
  Status sync() override { return store_.sync(); }
  Status scrub(std::atomic<bool>& stop) override { return store_.scrub(stop); }
  Result<uint64_t> check_next_file(std::string& cursor) override { return store_.check_next_file(cursor); }
  bool wants_sync() const override { return store_.wants_sync(); }
  Status add_tenant(const model::Tenant& tenant) override { return store_.add_tenant(tenant); }
  Status health() override { return store_.health(); }
  Result<std::optional<StoredDocument>> get(const EntityKey& key) override { return store_.get(key); }
  Result<std::optional<StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                             const v1::Identifier& identifier) override {
    return store_.find(tenant, kind, identifier);
  }
  bool finds_by_prefix() const override { return store_.finds_by_prefix(); }
  Result<std::vector<StoredDocument>> find_by_prefix(const std::string& tenant, v1::EntityKind kind,
                                                     const v1::Identifier& begin, size_t count) override {
    return store_.find_by_prefix(tenant, kind, begin, count);
  }
  bool is_ahead() const override { return store_.is_ahead(); }
  Result<std::vector<StoredDocument>> list(const std::string& tenant, v1::EntityKind kind, std::string_view after,
                                           size_t count) override {
    return store_.list(tenant, kind, after, count);
  }

 private:
  // Called with null: it is to be done; else with why it is not. It returns how that ended.
  using LookUp = std::function<Status(const Error*)>;
  static void refuse(const std::deque<LookUp>& all, const Error& why);
  void look_up(LookUp work);
  void serve();

  DocStore& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<LookUp> waiting_;  // guarded by mutex_, as is the next
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace freshet::docstore
