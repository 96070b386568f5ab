// The state of one partition: aliases, entities, seen message ids, ledgers, rules, and the offset they stand for.
//
// Write-behind (DESIGN, invariant 4). Reads come from memory, then from the store. Changes stay in memory until a
// persist, which writes all of them into one file together with the offset: so what is on disk is always a consistent
// state at some offset that was committed before. After a crash the worker replays from offset() on.
//
//   records ──► prefetch ──► engine reads and edits ──► commit in the log ──► persist, now and then
//                                                             └─ aborted: drop(), replay
//
// Used by one thread. A failed read can't be told apart from an empty answer at the call: check status() before a
// commit, or a profile that could not be read would be replaced by an empty one.
//
// What the records of some batches touch is decoded once for all of them, in one arena, until there is enough of it;
// then all of it becomes rows at once. Batches would otherwise decode and encode the rows of whoever is busy right now
// again and again: it costs a fifth of action's time (docs/benchmarks.md). Everything else is rows. (Decoded entities
// in a cache of their own, as it was, cost as much: they were cold when it was their turn to be encoded and freed, and
// took the memory of twice as many rows.)
//
// Rows (docs/format/state.md): 'a' alias key -> AliasRow; 'e' entity id -> EntityState; 's' span, message hash ->
// empty; 'l' ledger hash -> empty; 'm' -> PartitionMeta.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <absl/container/node_hash_map.h>
#include <google/protobuf/arena.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "base/result.h"
#include "freshet/v1/state.pb.h"
#include "kv/store.h"
#include "model/entity_ref.h"
#include "state/alias_row.h"
#include "state/changed_rows.h"
#include "state/entity_slice.h"
#include "state/row_cache.h"
#include "state/row_keys.h"
#include "state/seen_messages.h"

namespace freshet::state {

// Of the rows; raised when a release would no longer understand what another one writes. 2: keys end in their home.
inline constexpr uint32_t kStateFormat = 2;

// An entity as it is decoded for the batches that use it, or as much of it as one record needs. Whoever changes `state`
// calls touch() first, or the change is not kept.
struct Entity {
  explicit Entity(google::protobuf::Arena& arena)
      : state(*google::protobuf::Arena::CreateMessage<v1::EntityState>(&arena)) {}
  v1::EntityState& state;
  model::EntityRef ref;
  bool touched = false;
  bool sliced = false;  // made by slice_entity()
};

struct StateOptions {
  // Of the rows of aliases and entities, and of the filters of message ids; the store has its own budget.
  size_t memory_bytes = 32u << 20;
};

// The row under which a store has its PartitionMeta.
inline constexpr std::string_view kMetaRow = "m";

class PartitionState {
 public:
  // store: made with store_options(). Reads the meta row; a format from the future is kInvalid.
  [[nodiscard]] static Result<std::unique_ptr<PartitionState>> open(
      kv::Options options, const StateOptions& state_options,
      const std::function<Result<std::unique_ptr<kv::Store>>(const kv::Options&)>& opener);
  ~PartitionState();

  // ---- reading a batch ahead, with one multi_get for each kind of row. This only speeds up what follows.
  void prefetch_aliases(std::span<const Hash128> keys);
  void prefetch_entities(std::span<const Hash128> ids);
  void prefetch_seen(std::span<const Hash128> messages);

  // ---- for the engine. Pointers stay valid until settle() or drop().
  [[nodiscard]] Alias* find_alias(const Hash128& key);  // nullptr: never held
  [[nodiscard]] Alias& edit_alias(const Hash128& key);  // made if missing
  [[nodiscard]] Entity* find_entity(const Hash128& id);
  // REQUIRES: none has the id. If something could not be read, what is made goes nowhere.
  [[nodiscard]] Entity& create_entity(const model::EntityRef& ref);
  static void touch(Entity& entity, PartitionState& state);
  // True if the message was not seen within the window: it is now.
  [[nodiscard]] bool first_sight(const Hash128& message, int64_t received_at_us);
  // The same for records of an import or a replay of dead letters, which may be repeated after any time: for ever.
  [[nodiscard]] bool first_in_ledger(const Hash128& message);
  [[nodiscard]] v1::PartitionMeta& meta() { return meta_; }

  // ---- the commit protocol
  [[nodiscard]] int64_t offset() const { return meta_.next_offset(); }      // what memory stands for
  [[nodiscard]] int64_t durable_offset() const { return durable_offset_; }  // what survives a crash: replay starts here
  // Nothing was ever in it. Not so one that was made for a new log, which stands for offset 0 too
  // (state/repartition.h).
  [[nodiscard]] bool is_blank() const { return offset() == 0 && meta_.rules().hash_key().empty(); }
  // After each processed batch. REQUIRES: next_offset is not below offset().
  void advance(int64_t next_offset) {
    FRESHET_ASSERT(next_offset >= offset());
    meta_.set_next_offset(next_offset);
  }
  // Makes every change made so far durable: durable_offset() == offset() afterwards. REQUIRES: all of it is committed
  // in the log; no other persist is under way.
  [[nodiscard]] Status persist();
  // The same in parts, between which records may be processed, so that none waits for a large state:
  //   begin_persist()   fixes what is written, and the offset; takes no longer for many rows than for few
  //   gather()          copies up to so many rows of it, to be called until it says that this is all; a row that is
  //                     changed before its turn is copied before it changes
  //   finish_persist()  takes as long as the disk does; may be called on another thread
  [[nodiscard]] Status begin_persist();
  [[nodiscard]] bool gather(size_t rows_max);
  [[nodiscard]] Status finish_persist();
  // Begun, and not finished yet.
  [[nodiscard]] bool is_persisting() const { return flying_ && !landed_.load(std::memory_order_acquire); }
  // Forgets memory: back to the last persist. One that is still gathering is given up. REQUIRES: no other is under way.
  [[nodiscard]] Status drop();
  // After a batch: once enough is decoded it becomes rows, and memory above the budget is freed; what was used lately,
  // and what is not durable yet, stays. Never more than a batch's worth of work at once.
  void settle();
  // What is not durable takes a third of the budget: time to persist; two thirds: not another record before.
  [[nodiscard]] bool wants_persist() const { return changed_.bytes() + seen_bytes_ > options_.memory_bytes / 3; }
  [[nodiscard]] bool must_persist() const { return changed_.bytes() + seen_bytes_ > options_.memory_bytes / 3 * 2; }
  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] size_t dirty_count() const { return changed_.dirty_entities().size(); }
  // What is durable, for checkpoints, on any thread.
  [[nodiscard]] std::weak_ptr<kv::Store> store() const { return store_; }

 private:
  friend Holder find_holder(PartitionState& state, const Hash128& key);
  friend Entity* slice_entity(PartitionState& state, const Hash128& id, const v1::Envelope& record);
  friend void keep_slice(PartitionState& state);
  friend std::vector<Hash128> entities_after(PartitionState& state, std::string_view after, size_t count);
  friend Result<std::optional<v1::EntityState>> peek_entity(const PartitionState& state, const Hash128& id);
  friend Result<std::optional<model::EntityRef>> peek_holder(const PartitionState& state, const Hash128& key);
  friend Result<bool> peek_seen(const PartitionState& state, const Hash128& message);
  PartitionState(std::unique_ptr<kv::Store> store, const StateOptions& options,
                 std::shared_ptr<std::atomic<uint32_t>> lowest_span);
  [[nodiscard]] Status load_meta();
  void note(Status status);
  Alias* decode_alias(const Hash128& key, std::string_view row);
  Entity* decode_entity(const Hash128& id, std::string_view row);
  [[nodiscard]] Entity& stand_in(const model::EntityRef& ref);
  void want(std::span<const Hash128> keys);
  void encode_touched();
  void forget_decoded();
  void land(size_t rows_max);

  std::shared_ptr<kv::Store> store_;
  StateOptions options_;
  Status status_;
  v1::PartitionMeta meta_;
  SeenMessages seen_;
  std::atomic<int64_t> durable_offset_{0};
  std::shared_ptr<std::atomic<uint32_t>>
      durable_lowest_span_;  // for the drop function: what is flushed, never what is not

  // What was asked for since the last settle(): decoded. An alias without `held` and generation 0 is a known absence.
  google::protobuf::Arena arena_;
  absl::node_hash_map<Hash128, Entity, Hash128Hasher> entities_;
  absl::node_hash_map<Hash128, Alias, Hash128Hasher> aliases_;
  std::vector<Entity*> touched_entities_;
  std::vector<std::pair<Hash128, Alias*>> touched_aliases_;
  std::unique_ptr<Entity> stand_in_;

  std::unique_ptr<char[]> slice_memory_;  // which its arena begins with, so that a slice asks for none
  google::protobuf::Arena slice_arena_;
  std::optional<Entity> slice_;
  EntitySlice of_slice_;
  uint16_t span_ = 0;  // of RowCache::count_use(): from one forget_decoded() to the next
  std::string row_;    // scratch

  RowCache rows_;  // by id and alias key: hashes both, of different things
  ChangedRows changed_{rows_};
  size_t seen_bytes_ = 0;                               // of message ids that no persist has begun to write
  absl::flat_hash_set<Hash128, Hash128Hasher> ledger_;  // not durable yet
  std::vector<Hash128> wanted_;                         // scratch of prefetching, as is the next
  RowKeys row_keys_;

  // What the persist under way stands for: made by begin_persist(), read by finish_persist(), on whatever thread.
  struct Flight {
    std::string meta;
    int64_t offset = 0;
    uint32_t lowest_span = 0;
  };
  Flight flight_;
  std::vector<Hash128> flying_ledger_;
  bool flying_ = false;              // from begin_persist() until all has landed
  bool gathering_ = false;           // until all of it is copied
  std::atomic<bool> landed_{false};  // finish_persist() is done
};

}  // namespace freshet::state
