// The state of one partition: aliases, entities, seen message ids, ledgers, rules, and the offset they stand for.
//
// Write-behind (DESIGN, invariant 4). Reads come from memory, then from the store. Changes stay in memory until a persist,
// which writes all of them into one file together with the offset: so what is on disk is always a consistent state at some
// offset that was committed before. After a crash the worker replays from offset() on.
//
//   records ──► prefetch ──► engine reads and edits ──► commit in the log ──► persist, now and then
//                                                             └─ aborted: drop(), replay
//
// Used by one thread. A failed read can't be told apart from an empty answer at the call: check status() before a commit.
//
// What was used last is kept decoded, what was used before that as rows (a sixth of the size), the rest is in the store.
//
// Rows (docs/format/state.md): 'a' alias key -> AliasRow; 'e' entity id -> EntityState; 's' span, message hash -> empty;
// 'l' ledger hash -> empty; 'm' -> PartitionMeta.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "freshet/v1/state.pb.h"
#include "kv/store.h"
#include "model/entity_ref.h"
#include "state/row_cache.h"
#include "state/seen_messages.h"
#include "state/snapshot.h"

namespace freshet::state {

// What an identifier leads to.
struct Alias {
  model::EntityRef ref;
  int64_t use_time_us = 0;  // shared identifiers: the holder's last use that the home knows of
  std::string use_message_id;
  std::vector<uint32_t> claimants;  // short hashes of those that claimed it while another had it; sorted
  uint32_t generation = 0;          // raised whenever the identifier is freed
  bool held = false;
  bool suppressed = false;
  bool common = false;  // too many claimed it: it is only ever linked to the profile made from it
  Ahead ahead;
};

struct Entity {
  v1::EntityState state;
  model::EntityRef ref;
  size_t bytes = 0;  // serialized size when last encoded or decoded: what the cache counts
  Ahead ahead;
};

struct StateOptions {
  size_t memory_bytes = 32u << 20;  // of aliases and entities, decoded and as rows; the store has its own budget
};

class PartitionState {
 public:
  // store: made with store_options(). Reads the meta row; a format from the future is kInvalid.
  [[nodiscard]] static Result<std::unique_ptr<PartitionState>> open(
      kv::Options options, const StateOptions& state_options,
      const std::function<Result<std::unique_ptr<kv::Store>>(const kv::Options&)>& opener);
  ~PartitionState();

  // ---- reading a batch ahead: one multi_get for each kind of row; only speeds up what follows
  void prefetch_aliases(std::span<const Hash128> keys);
  void prefetch_entities(std::span<const Hash128> ids);
  void prefetch_seen(std::span<const Hash128> messages);

  // ---- for the engine. Pointers stay valid until begin_persist(), drop() or trim_memory().
  [[nodiscard]] Alias* find_alias(const Hash128& key);  // nullptr: never held
  [[nodiscard]] Alias& edit_alias(const Hash128& key);  // made if missing
  [[nodiscard]] Entity* find_entity(const Hash128& id);
  [[nodiscard]] Entity& create_entity(const model::EntityRef& ref);  // REQUIRES: none has the id
  static void touch(Entity& entity, PartitionState& state);
  // True if the message was not seen within the window: it is now.
  [[nodiscard]] bool first_sight(const Hash128& message, int64_t received_at_us);
  // The same, for ever.
  [[nodiscard]] bool first_in_ledger(const Hash128& message);
  [[nodiscard]] v1::PartitionMeta& meta() { return meta_; }

  // ---- the commit protocol
  [[nodiscard]] int64_t offset() const { return meta_.next_offset(); }      // what memory stands for
  [[nodiscard]] int64_t durable_offset() const { return durable_offset_; }  // what survives a crash: replay starts here
  void advance(int64_t next_offset) { meta_.set_next_offset(next_offset); }  // after each processed batch
  // Makes every change made so far durable: durable_offset() == offset() afterwards. REQUIRES: all of it is committed in
  // the log. begin_persist() takes what there is to write; finish_persist(), which takes as long as the disk does, may
  // be called on another thread, one at a time, while this one goes on.
  [[nodiscard]] Status persist();
  [[nodiscard]] Status begin_persist();
  [[nodiscard]] Status finish_persist();
  // Forgets memory: back to the last persist. REQUIRES: none is under way.
  [[nodiscard]] Status drop();
  // Frees memory above the budget; what was used lately, and what is not durable yet, stays.
  void trim_memory();
  // What is not durable takes a third of the budget: time to persist; two thirds: not another record before.
  [[nodiscard]] bool wants_persist() const { return dirty_bytes_ > options_.memory_bytes / 3; }
  [[nodiscard]] bool must_persist() const { return dirty_bytes_ > options_.memory_bytes / 3 * 2; }
  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] size_t dirty_count() const { return dirty_entities_.size(); }

 private:
  PartitionState(std::unique_ptr<kv::Store> store, const StateOptions& options,
                 std::shared_ptr<std::atomic<uint32_t>> lowest_span);
  [[nodiscard]] Status load_meta();
  void note(Status status);
  Alias* decode_alias(const Hash128& key, std::string_view row, Ahead ahead);
  Entity* decode_entity(const Hash128& id, std::string_view row, Ahead ahead);
  void take_aliases();
  void take_entities();
  void land();
  void age();

  std::unique_ptr<kv::Store> store_;
  StateOptions options_;
  Status status_;
  v1::PartitionMeta meta_;
  SeenMessages seen_;
  std::atomic<int64_t> durable_offset_{0};
  std::shared_ptr<std::atomic<uint32_t>>
      durable_lowest_span_;  // for the drop function: what is flushed, never what is not

  // Decoded, in two generations: what is used moves to `young`; when that is full, `old` becomes rows and young becomes old.
  template <class T>
  struct Generations {
    using Map = absl::flat_hash_map<Hash128, std::unique_ptr<T>, Hash128Hasher>;
    Map young, old;
    [[nodiscard]] T* find_young(const Hash128& key) const;
    [[nodiscard]] T* find(const Hash128& key) const;  // in either
    T* rejuvenate(const Hash128& key);                // nullptr: not in `old`
    void clear();
  };
  Generations<Entity> entities_;
  Generations<Alias> aliases_;  // one without `held` and generation 0 is a known absence
  size_t decoded_bytes_ = 0;    // of the young ones
  RowCache rows_;               // by id and alias key: hashes both, of different things
  std::vector<Hash128> dirty_entities_, dirty_aliases_;
  size_t dirty_bytes_ = 0;
  absl::flat_hash_set<Hash128, Hash128Hasher> ledger_;  // not durable yet

  // What the persist under way writes: made by begin_persist(), read by finish_persist(), on whatever thread.
  struct Flight {
    Snapshot rows;
    std::string meta;
    int64_t offset = 0;
    uint32_t lowest_span = 0;
  };
  Flight flight_;
  std::vector<Hash128> flying_entities_, flying_aliases_, flying_ledger_;
  bool flying_ = false;              // until land()
  std::atomic<bool> landed_{false};  // finish_persist() is done
};

}  // namespace freshet::state
