// A key is in `dirty` from its first change until a persist begins, then in `flying` until that has landed; how far its
// row has come meanwhile says the cache (Ahead).
#include "state/changed_rows.h"

#include <utility>

#include "base/assert.h"

namespace freshet::state {

// A row that is changed again before the next persist is dirty once, and its bytes count once. The persist that has
// begun writes it as it was: were it to write the change, too, the offset that it stands for would be too low, and a
// replay would count the change again.
void ChangedRows::change(Kind kind, const Hash128& key, std::string_view row) {
  const RowCache::Found was = rows_.find(key);
  if (was.ahead.owed) take_off(kind, key, was.row);
  if (was.ahead.dirty) {
    FRESHET_ASSERT(bytes_ >= RowCache::cost(was.row.size()));
    bytes_ -= RowCache::cost(was.row.size());
  } else {
    (kind == Kind::kAlias ? aliases_ : entities_).dirty.push_back(key);
  }
  bytes_ += RowCache::cost(row.size());
  rows_.change(was, key, row);
}

void ChangedRows::begin() {
  for (Keys* of : {&aliases_, &entities_}) {
    FRESHET_ASSERT(of->flying.empty());  // Two persists of one state would overtake each other.
    of->flying = std::exchange(of->dirty, {});
    of->gathered = of->landed = 0;
  }
  rows_.begin_persist();
  flight_.reserve(aliases_.flying.size() + entities_.flying.size());
  bytes_ = 0;
}

void ChangedRows::take_off(Kind kind, const Hash128& key, std::string_view row) {
  flight_.add(static_cast<char>(kind), key, row);
  rows_.take_off(key);
}

bool ChangedRows::gather(size_t rows_max) {
  gather(aliases_, rows_max);
  gather(entities_, rows_max);
  return aliases_.gathered == aliases_.flying.size() && entities_.gathered == entities_.flying.size();
}

// A row that is not owed any more was copied when it changed.
void ChangedRows::gather(Keys& of, size_t& rows_left) {
  for (; rows_left > 0 && of.gathered < of.flying.size(); --rows_left, ++of.gathered) {
    const Hash128& key = of.flying[of.gathered];
    const RowCache::Found row = rows_.find(key);
    FRESHET_ASSERT(row.found);  // Were it gone, an empty row would take the place of the durable one.
    if (row.ahead.owed) take_off(of.kind, key, row.row);
  }
}

void ChangedRows::put(kv::SortedRows& rows) {
  flight_.put(rows);
  flight_ = {};
}

bool ChangedRows::land(size_t rows_max) {
  land(entities_, rows_max);
  land(aliases_, rows_max);
  return entities_.flying.empty() && aliases_.flying.empty();
}

void ChangedRows::land(Keys& of, size_t& rows_left) {
  for (; rows_left > 0 && of.landed < of.flying.size(); --rows_left, ++of.landed) rows_.land(of.flying[of.landed]);
  if (of.landed == of.flying.size()) of.flying.clear();
}

void ChangedRows::drop() {
  aliases_ = {Kind::kAlias};
  entities_ = {Kind::kEntity};
  flight_ = {};
  bytes_ = 0;
}

}  // namespace freshet::state
