// The state of one partition: aliases, entities, seen message ids, ledgers, rules, and the offset they stand for.
//
// Write-behind (DESIGN, invariant 4). Reads come from memory, then from the store. Changes stay in memory until flush(),
// which writes all of them in one batch together with the offset, without a write-ahead log: so what is on disk is always a
// consistent state at some offset that was committed before. After a crash the worker replays from offset() on.
//
//   records ──► prefetch ──► engine reads and edits ──► commit in the log ──► committed(offset) ──► flush, now and then
//                                                             └─ aborted: drop(), replay
//
// Used by one thread. A failed read can't be told apart from an empty answer at the call: check status() before a commit.
//
// Rows (docs/format/state.md): 'a' alias key -> AliasRow; 'e' entity id -> EntityState; 's' message hash -> hour:u32
// big-endian; 'l' ledger hash -> empty; 'm' -> PartitionMeta.
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
  bool dirty = false;
};

struct Entity {
  v1::EntityState state;
  model::EntityRef ref;
  size_t bytes = 0;  // serialized size when last loaded or flushed: what the cache counts
  bool dirty = false;
};

// Messages are told apart for at least this long, by received_at.
inline constexpr int64_t kDedupWindowUs = 24 * 3'600'000'000LL;
inline constexpr int64_t kDedupJumpUs = 5 * 60'000'000LL;
inline constexpr uint32_t kDedupJumpRecords = 1000;

struct StateOptions {
  size_t memory_bytes = 32u << 20;  // of decoded aliases and entities; the store has its own budget
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

  // ---- for the engine. Pointers stay valid until flush(), drop() or trim_memory().
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
  // Writes every change made so far. REQUIRES: all of it is committed in the log.
  [[nodiscard]] Status flush();
  // flush(), and makes it durable: durable_offset() == offset() afterwards. The second half takes as long as the disk
  // does; finish_persist() alone may be called on another thread, one at a time, while this one goes on.
  [[nodiscard]] Status persist();
  [[nodiscard]] Status begin_persist();
  [[nodiscard]] Status finish_persist();
  // Forgets memory: back to the last flush.
  [[nodiscard]] Status drop();
  // Frees memory above the budget; what was used lately, and what is not flushed yet, stays.
  void trim_memory();
  // What is not flushed takes half of the budget. Until then a flush would only cost: it makes nothing durable.
  [[nodiscard]] bool wants_flush() const { return dirty_bytes_ > options_.memory_bytes / 2; }
  [[nodiscard]] bool wants_trim() const { return young_bytes_ > options_.memory_bytes / 2; }
  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] size_t dirty_count() const { return dirty_entities_.size(); }

 private:
  PartitionState(std::unique_ptr<kv::Store> store, const StateOptions& options,
                 std::shared_ptr<std::atomic<uint32_t>> lowest_hour);
  [[nodiscard]] Status load_meta();
  void note(Status status);
  Alias* load_alias(const Hash128& key, std::string_view row);
  Entity* load_entity(const Hash128& id, std::string_view row);
  void move_dedup_clock(int64_t received_at_us);
  [[nodiscard]] uint32_t lowest_hour() const;

  std::unique_ptr<kv::Store> store_;
  StateOptions options_;
  Status status_;
  v1::PartitionMeta meta_;
  std::atomic<int64_t> durable_offset_{0};
  int64_t persisting_offset_ = 0;  // between begin_persist() and finish_persist()
  uint32_t persisting_lowest_hour_ = 0;
  std::shared_ptr<std::atomic<uint32_t>>
      durable_lowest_hour_;  // for the drop function: what is flushed, never what is not

  // Two generations: what is used moves to `young`; when that is half of the budget, `old` goes and young becomes old.
  using EntityMap = absl::flat_hash_map<Hash128, std::unique_ptr<Entity>, Hash128Hasher>;
  using AliasMap = absl::flat_hash_map<Hash128, std::unique_ptr<Alias>, Hash128Hasher>;
  EntityMap young_entities_, old_entities_;
  AliasMap young_aliases_, old_aliases_;  // a present entry without `held` and generation 0 is a known absence
  std::vector<Entity*> dirty_entities_;
  std::vector<Hash128> dirty_aliases_;
  size_t young_bytes_ = 0;
  size_t dirty_bytes_ = 0;
  absl::flat_hash_map<Hash128, uint32_t, Hash128Hasher> unflushed_seen_;  // message -> hour
  absl::flat_hash_map<Hash128, uint32_t, Hash128Hasher>
      prefetched_seen_;  // what the store says of a batch; hour 0: not there
  absl::flat_hash_set<Hash128, Hash128Hasher> unflushed_ledger_;
};

// Adds what this keyspace needs (drop function) to options with path and memory set: done by open().
[[nodiscard]] bool is_expired_seen_row(std::string_view key, std::string_view value, uint32_t lowest_hour);

}  // namespace freshet::state
