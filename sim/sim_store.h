// The document store: the embedded one on memory, behind a network that is slow, fails, fails in
// parts, and answers in any order. It checks what a store sees of invariant 8: no entity has two
// writes in flight from one reactor, a document's version never goes back, and what was removed
// stays away.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "docstore/doc_store.h"
#include "faults.h"
#include "testing/memory_store.h"

namespace freshet::sim {

// What all reactors write to. It outlives them.
class StoreServer {
 public:
  StoreServer(Dice& dice, const Faults& faults, Probes& probes);

  // Loses what is under way and what is not synced, or keeps the first part of that. REQUIRES: all
  // reactors are dead.
  void crash();
  void calm_down() { calm_ = true; }
  // Does one of the bulks that are under way and answers it; returns false if there is none.
  bool tick();
  // The process that waits for these answers is gone; its bulks may be done all the same.
  void abandon(uint64_t client);
  [[nodiscard]] bool idle() const { return bulks_.empty(); }
  [[nodiscard]] docstore::DocStore& store() { return *store_; }
  // All documents by the key of their row, removed ones too.
  [[nodiscard]] std::map<std::string, v1::Document> rows() const;
  // Ids of the entities that had a change refused for good: their documents are not whole any more.
  [[nodiscard]] const std::set<std::string>& poisoned() const { return poisoned_; }

 private:
  friend class SimStore;
  struct Bulk {
    uint64_t client;
    std::vector<v1::Change> changes;
    docstore::WriteDone done;  // empty if nobody waits for it any more
  };
  void open();
  void finish(Bulk bulk);
  // What becomes of one change: what is answered, and whether it is written. The two need not
  // agree.
  struct Fate {
    Status answer;
    bool written = true;
  };
  [[nodiscard]] Fate fate_of(const v1::Change& change);
  void check_version(const v1::Change& change);

  Dice& dice_;
  const Faults& faults_;
  Probes& probes_;
  bool calm_ = false;
  std::shared_ptr<kv::MemoryDisk> disk_ = std::make_shared<kv::MemoryDisk>();
  std::unique_ptr<docstore::DocStore> store_;
  std::vector<Bulk> bulks_;
  std::map<std::string, uint64_t> versions_;  // as they were last seen, by entity id
  std::set<std::string> removed_;
  uint64_t writes_ = 0;
  std::set<std::string> poisoned_;
};

// One reactor's connection to the store.
class SimStore final : public docstore::DocStore {
 public:
  SimStore(StoreServer& server, uint64_t client, CrashPoint& crash) : server_(server), client_(client), crash_(crash) {}
  ~SimStore() override { server_.abandon(client_); }

  void write(std::vector<v1::Change> bulk, docstore::WriteDone done) override;
  [[nodiscard]] Status sync() override;
  [[nodiscard]] Result<std::optional<docstore::StoredDocument>> get(const docstore::EntityKey& key) override;
  [[nodiscard]] Result<std::optional<docstore::StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                                                     const v1::Identifier& identifier) override;
  [[nodiscard]] Result<std::vector<docstore::StoredDocument>> list(const std::string& tenant, v1::EntityKind kind,
                                                                   std::string_view after, size_t count) override;

 private:
  StoreServer& server_;
  const uint64_t client_;
  CrashPoint& crash_;
};

}  // namespace freshet::sim
