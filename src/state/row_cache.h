// Rows in the form in which the store has them, kept in memory: those used last, within a budget, and all that the
// store may not have yet. Used by one thread.
//
// A persist takes everything that is dirty at its beginning, at no cost: it is only called `owed` from then on. Each
// owed row is copied later, before it changes at the latest, and flies until the store has it:
//
//   dirty ── begin_persist() ──► owed ── take_off() ──► flying ── land() ──► as the store has it
//
// Invariants: a row that is ahead of the store is never let go, as its change would be lost; all others are in one of
// two rings, in the order in which they came or were last spared, from which the oldest goes first. One that was used
// since then is spared once: to move a row to the front at each use would touch three others, which are in no
// processor's cache.
//
// Small rows, as aliases are, have a ring of their own and go only once they take a quarter of the budget. To read one
// anew from the store costs as much as to read a profile, which takes the memory of ten of them.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace freshet::state {

// How far a row is ahead of the store.
struct Ahead {
  bool dirty = false;   // changed since the last persist began: the next one writes it
  bool owed = false;    // the persist that has begun has to copy it as it is
  bool flying = false;  // copied, and being written by the persist under way
  [[nodiscard]] bool any() const { return dirty || owed || flying; }
};

class RowCache {
 public:
  // A row as the store has it. REQUIRES: what is there is not ahead of the store. An empty row stands for a key that
  // the store does not know, so that nobody asks the store for it again.
  void put(const Hash128& key, std::string_view row);
  // A row that is newer than what the store has: dirty from now on. REQUIRES: it is not owed.
  void change(const Hash128& key, std::string_view row) { change(find(key), key, row); }
  struct Found {
    std::string_view row;  // valid until the next call of put(), change() or trim()
    Ahead ahead;
    bool found = false;
    uint32_t at = 0;  // of the cache itself
  };
  // The same where it is known what find(key) says.
  void change(const Found& was, const Hash128& key, std::string_view row);
  [[nodiscard]] Found find(const Hash128& key) const;
  // The same, and the row counts as used now.
  [[nodiscard]] Found use(const Hash128& key);
  // Counts how often the row was asked for within a span of batches that the caller numbers; with this time.
  uint8_t count_use(const Found& found, uint16_t span);
  [[nodiscard]] bool contains(const Hash128& key) const { return by_key_.contains(key); }
  // Has the processor fetch what find() of these keys and the first look at their rows will read, all at once: one
  // after the other each of them would be waited for.
  void prefetch(std::span<const Hash128> keys) const;
  // All that is dirty is owed from now on. REQUIRES: nothing is owed.
  void begin_persist();
  // The row was copied for the persist that has begun. REQUIRES: it is owed.
  void take_off(const Hash128& key);
  // The persist is over: the store has the row as it took off.
  void land(const Hash128& key);
  // Lets go of rows that the store has, about those not used for longest first, until bytes() is within the budget.
  // Does not look at more than `rows_max` at once, as long as it is not over the budget by more than an eighth.
  void trim(size_t budget_bytes, size_t rows_max);
  void clear();

  // The memory that a row takes.
  [[nodiscard]] static size_t cost(size_t row_bytes);
  [[nodiscard]] size_t bytes() const { return bytes_; }
  [[nodiscard]] size_t rows() const { return by_key_.size(); }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  // Entries of rows that the store has form a ring through entry kLarge or kSmall, which have no row.
  static constexpr uint32_t kLarge = 0, kSmall = 1;
  static constexpr size_t kSmallBytes = 128;  // A row of so many, and its entry, is small.
  struct Entry {
    Hash128 key;
    std::unique_ptr<char[]> row;
    uint32_t size = 0, capacity = 0;
    uint32_t newer = kNone, older = kNone;
    // Changed before the last persist began, or since: which of the two is which is told by turn_, so that a persist
    // need not touch each entry to begin.
    bool changed[2] = {false, false};
    bool flying = false;
    bool used = false;  // since it came into the ring, or was spared
    uint8_t uses = 0;   // within this span
    uint16_t span = 0;
    [[nodiscard]] bool is_small() const { return capacity <= kSmallBytes; }
  };
  [[nodiscard]] Ahead ahead_of(const Entry& entry) const;
  Entry& replace(const Hash128& key, std::string_view row);
  Entry& replace(uint32_t at, std::string_view row);
  void link(uint32_t at);
  void unlink(uint32_t at);
  void release(uint32_t at);
  void fill(Entry& kept, std::string_view row);
  [[nodiscard]] static size_t capacity_of(size_t row_bytes);

  absl::flat_hash_map<Hash128, uint32_t, Hash128Hasher> by_key_;
  std::vector<Entry> entries_ = make_rings();
  std::vector<uint32_t> free_;
  size_t bytes_ = 0;
  size_t small_bytes_ = 0;  // of them, of small rows
  size_t turn_ = 0;         // of Entry::changed: since the last persist began
  size_t owed_ = 0;
  size_t dirty_ = 0;

  [[nodiscard]] static std::vector<Entry> make_rings();
};

}  // namespace freshet::state
