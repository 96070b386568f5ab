// The rows of a partition that are ahead of its store: which they are, and copies of those that the persist under way
// writes. The rows themselves stay in the cache (state/row_cache.h), from where they are read.
//
// A persist writes the rows as they are when it begins, together with the offset that they stand for, while records go
// on changing them. To copy a hundred thousand rows at once would keep every record of the worker waiting for a quarter
// of a second. So they are copied a few at a time, by gather(), and a row that changes before its turn is copied then.
//
// Used by one thread, but for put(), which is called on another one between the last gather() and the first land().
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "kv/store.h"
#include "state/row_cache.h"
#include "state/snapshot.h"

namespace freshet::state {

class ChangedRows {
 public:
  // Of which a row is; it begins the row's key in the store.
  enum class Kind : char { kAlias = 'a', kEntity = 'e' };

  explicit ChangedRows(RowCache& rows) : rows_(rows) {}  // which outlives it

  // The row is newer than what the store has.
  void change(Kind kind, const Hash128& key, std::string_view row);
  // The memory of what changed since the last persist began.
  [[nodiscard]] size_t bytes() const { return bytes_; }

  // A persist begins: what has changed is what it writes. REQUIRES: the last one has landed, or was dropped.
  void begin();
  // Copies up to so many rows; true: there are no more.
  [[nodiscard]] bool gather(size_t rows_max);
  // A row of the persist that is not in the cache.
  void add(char kind, const Hash128& key) { flight_.add(kind, key, {}); }
  // Writes what was gathered in the order of the keys, and lets go of the copies. REQUIRES: all of it was gathered.
  void put(kv::SortedRows& rows);
  // The store has it: up to so many rows are no longer kept for its sake. True: there are no more.
  [[nodiscard]] bool land(size_t rows_max);
  // Forgets everything, also a persist that has not gathered everything yet.
  void drop();

  // Entities whose rows are ahead of the store, some perhaps twice.
  [[nodiscard]] const std::vector<Hash128>& dirty_entities() const { return entities_.dirty; }
  [[nodiscard]] const std::vector<Hash128>& flying_entities() const { return entities_.flying; }

 private:
  struct Keys {
    Kind kind;
    std::vector<Hash128> dirty = {};
    std::vector<Hash128> flying = {};
    size_t gathered = 0, landed = 0;  // of `flying`, from its front
  };
  void take_off(Kind kind, const Hash128& key, std::string_view row);
  void gather(Keys& of, size_t& rows_left);
  void land(Keys& of, size_t& rows_left);

  RowCache& rows_;
  Keys aliases_{Kind::kAlias}, entities_{Kind::kEntity};
  Snapshot flight_;
  size_t bytes_ = 0;
};

}  // namespace freshet::state
