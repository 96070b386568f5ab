// The cache is a table from keys to entries in one vector, and a ring through those entries that may be let go.
// Entries are numbered instead of pointed to: half the size, and the vector may grow.
#include "state/row_cache.h"

#include <cstring>
#include <utility>

#include "base/assert.h"

namespace freshet::state {
namespace {

constexpr size_t kStep = 64;
constexpr size_t kRowOverhead = 104;  // The entry, its share of the table, and what the allocator itself takes.

}  // namespace

std::vector<RowCache::Entry> RowCache::make_ring() {
  std::vector<Entry> entries(1);
  entries[0].newer = entries[0].older = 0;
  return entries;
}

// Memory is taken in steps, so that a row that grew or shrank a little fits where it was.
size_t RowCache::capacity_of(size_t row_bytes) { return (row_bytes + kStep - 1) / kStep * kStep; }

size_t RowCache::cost(size_t row_bytes) { return capacity_of(row_bytes) + kRowOverhead; }

Ahead RowCache::ahead_of(const Entry& entry) const {
  return {.dirty = entry.changed[turn_], .owed = entry.changed[1 - turn_], .flying = entry.flying};
}

// The entry of the key with the row in it, and in no ring.
RowCache::Entry& RowCache::replace(const Hash128& key, std::string_view row) {
  const auto [entry, is_new] = by_key_.try_emplace(key, 0);
  if (is_new) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(entries_.size()));
      entries_.emplace_back();
    }
    entry->second = free_.back();
    free_.pop_back();
    entries_[entry->second].key = key;
    bytes_ += kRowOverhead;
  } else if (!ahead_of(entries_[entry->second]).any()) {
    unlink(entry->second);
  }
  Entry& kept = entries_[entry->second];
  fill(kept, row);
  return kept;
}

void RowCache::put(const Hash128& key, std::string_view row) {
  Entry& kept = replace(key, row);
  // What the store has is older than what was here: it would undo a change that was committed.
  FRESHET_ASSERT(!ahead_of(kept).any());
  link(static_cast<uint32_t>(&kept - entries_.data()));
}

void RowCache::change(const Hash128& key, std::string_view row) {
  Entry& kept = replace(key, row);
  FRESHET_ASSERT(!ahead_of(kept).owed);
  if (!std::exchange(kept.changed[turn_], true)) ++dirty_;
}

void RowCache::fill(Entry& kept, std::string_view row) {
  const size_t capacity = capacity_of(row.size());
  if (kept.capacity != capacity) {
    kept.row = capacity > 0 ? std::make_unique_for_overwrite<char[]>(capacity) : nullptr;
    bytes_ += capacity - kept.capacity;
    kept.capacity = static_cast<uint32_t>(capacity);
  }
  FRESHET_ASSERT(row.size() <= kept.capacity);
  kept.size = static_cast<uint32_t>(row.size());
  if (!row.empty()) std::memcpy(kept.row.get(), row.data(), row.size());
}

RowCache::Found RowCache::find(const Hash128& key) const {
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return {};
  const Entry& kept = entries_[at->second];
  return {{kept.row.get(), kept.size}, ahead_of(kept), true};
}

RowCache::Found RowCache::use(const Hash128& key) {
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return {};
  const Entry& kept = entries_[at->second];
  const Ahead ahead = ahead_of(kept);
  if (!ahead.any()) {
    unlink(at->second);
    link(at->second);
  }
  return {{kept.row.get(), kept.size}, ahead, true};
}

// Were something still owed, it would pass for a change that is newer than this persist.
void RowCache::begin_persist() {
  FRESHET_ASSERT(owed_ == 0);
  turn_ = 1 - turn_;
  owed_ = std::exchange(dirty_, 0);
}

void RowCache::take_off(const Hash128& key) {
  const auto at = by_key_.find(key);
  FRESHET_ASSERT(at != by_key_.end() && ahead_of(entries_[at->second]).owed && owed_ > 0);
  entries_[at->second].changed[1 - turn_] = false;
  entries_[at->second].flying = true;
  --owed_;
}

// A row that was changed again while it flew stays ahead of the store: what has landed is its older form.
void RowCache::land(const Hash128& key) {
  const auto at = by_key_.find(key);
  FRESHET_ASSERT(at != by_key_.end() && entries_[at->second].flying);
  entries_[at->second].flying = false;
  if (!ahead_of(entries_[at->second]).any()) link(at->second);
}

void RowCache::trim(size_t budget_bytes, size_t rows_max) {
  const size_t far_over = budget_bytes + budget_bytes / 8;
  for (size_t i = 0; bytes_ > budget_bytes && entries_[0].newer != 0 && (i < rows_max || bytes_ > far_over); ++i) {
    const uint32_t oldest = entries_[0].newer;
    FRESHET_ASSERT(!ahead_of(entries_[oldest]).any());
    by_key_.erase(entries_[oldest].key);
    release(oldest);
  }
}

void RowCache::clear() {
  by_key_.clear();
  entries_ = make_ring();
  free_.clear();
  bytes_ = owed_ = dirty_ = 0;
}

// `older` of entry 0 is the newest row, `newer` of entry 0 the oldest one.
void RowCache::link(uint32_t at) {
  FRESHET_ASSERT(at != 0 && at < entries_.size());
  const uint32_t newest = entries_[0].older;
  entries_[at].newer = 0;
  entries_[at].older = newest;
  entries_[newest].newer = at;
  entries_[0].older = at;
}

void RowCache::unlink(uint32_t at) {
  FRESHET_ASSERT(at != 0 && entries_[at].newer != kNone);
  entries_[entries_[at].newer].older = entries_[at].older;
  entries_[entries_[at].older].newer = entries_[at].newer;
}

void RowCache::release(uint32_t at) {
  Entry& kept = entries_[at];
  if (!ahead_of(kept).any()) unlink(at);
  FRESHET_ASSERT(bytes_ >= kept.capacity + kRowOverhead);
  bytes_ -= kept.capacity + kRowOverhead;
  kept = Entry{};
  free_.push_back(at);
}

}  // namespace freshet::state
