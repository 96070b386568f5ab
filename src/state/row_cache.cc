// The cache is a table from keys to entries in one vector, and two rings through those entries that may be let go.
// Entries are numbered instead of pointed to: half the size, and the vector may grow.
#include "state/row_cache.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace freshet::state {
namespace {

constexpr size_t kStep = 64, kSmallStep = 16;
constexpr size_t kSmallShare = 4;     // Small rows go first when they take more than that part of the budget.
constexpr size_t kRowOverhead = 104;  // The entry, its share of the table, and what the allocator itself takes.

}  // namespace

std::vector<RowCache::Entry> RowCache::make_rings() {
  std::vector<Entry> entries(2);
  for (const uint32_t ring : {kLarge, kSmall}) entries[ring].newer = entries[ring].older = ring;
  return entries;
}

// Memory is taken in steps, so that a row that grew or shrank a little fits where it was.
size_t RowCache::capacity_of(size_t row_bytes) {
  const size_t step = row_bytes <= kSmallBytes ? kSmallStep : kStep;
  return (row_bytes + step - 1) / step * step;
}

size_t RowCache::cost(size_t row_bytes) { return capacity_of(row_bytes) + kRowOverhead; }

Ahead RowCache::ahead_of(const Entry& entry) const {
  return {.dirty = entry.changed[turn_], .owed = entry.changed[1 - turn_], .flying = entry.flying};
}

// The entry of the key with the row in it, and in no ring.
RowCache::Entry& RowCache::replace(const Hash128& key, std::string_view row) {
  const auto [entry, is_new] = by_key_.try_emplace(key, 0);
  if (!is_new) return replace(entry->second, row);
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  entry->second = free_.back();
  free_.pop_back();
  bytes_ += kRowOverhead;
  small_bytes_ += kRowOverhead;  // as long as it is empty
  Entry& kept = entries_[entry->second];
  kept.key = key;
  fill(kept, row);
  return kept;
}

RowCache::Entry& RowCache::replace(uint32_t at, std::string_view row) {
  if (!ahead_of(entries_[at]).any()) unlink(at);
  fill(entries_[at], row);
  return entries_[at];
}

void RowCache::put(const Hash128& key, std::string_view row) {
  Entry& kept = replace(key, row);
  // What the store has is older than what was here: it would undo a change that was committed.
  FRESHET_ASSERT(!ahead_of(kept).any());
  link(static_cast<uint32_t>(&kept - entries_.data()));
}

void RowCache::change(const Found& was, const Hash128& key, std::string_view row) {
  FRESHET_ASSERT(!was.found || entries_[was.at].key == key);
  Entry& kept = was.found ? replace(was.at, row) : replace(key, row);
  FRESHET_ASSERT(!ahead_of(kept).owed);
  if (!std::exchange(kept.changed[turn_], true)) ++dirty_;
}

void RowCache::fill(Entry& kept, std::string_view row) {
  const size_t capacity = capacity_of(row.size());
  if (kept.capacity != capacity) {
    kept.row = capacity > 0 ? std::make_unique_for_overwrite<char[]>(capacity) : nullptr;
    if (kept.is_small()) small_bytes_ -= kept.capacity + kRowOverhead;
    bytes_ += capacity - kept.capacity;
    kept.capacity = static_cast<uint32_t>(capacity);
    if (kept.is_small()) small_bytes_ += capacity + kRowOverhead;
  }
  FRESHET_ASSERT(row.size() <= kept.capacity);
  kept.size = static_cast<uint32_t>(row.size());
  if (!row.empty()) std::memcpy(kept.row.get(), row.data(), row.size());
}

RowCache::Found RowCache::find(const Hash128& key) const {
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return {};
  const Entry& kept = entries_[at->second];
  return {{kept.row.get(), kept.size}, ahead_of(kept), true, at->second};
}

RowCache::Found RowCache::use(const Hash128& key) {
  const Found found = find(key);
  if (found.found) entries_[found.at].used = true;
  return found;
}

uint8_t RowCache::count_use(const Found& found, uint16_t span) {
  FRESHET_ASSERT(found.found);
  Entry& kept = entries_[found.at];
  if (std::exchange(kept.span, span) != span) kept.uses = 0;
  kept.uses = static_cast<uint8_t>(std::min(kept.uses + 1, UINT8_MAX));
  return kept.uses;
}

// In three rounds, as each leads to the next: the table, the entry, the row.
void RowCache::prefetch(std::span<const Hash128> keys) const {
  constexpr size_t kRound = 64;
  constexpr size_t kLine = 64, kLinesMax = 6;  // The processor sees by itself that the rest of a row follows.
  std::array<const Entry*, kRound> entries;
  for (; !keys.empty(); keys = keys.subspan(std::min(kRound, keys.size()))) {
    const size_t count = std::min(kRound, keys.size());
    for (size_t i = 0; i < count; ++i) by_key_.prefetch(keys[i]);
    for (size_t i = 0; i < count; ++i) {
      const auto at = by_key_.find(keys[i]);
      entries[i] = at != by_key_.end() ? &entries_[at->second] : nullptr;
      if (entries[i] == nullptr) continue;
      __builtin_prefetch(&entries[i]->row);
      __builtin_prefetch(&entries[i]->span);  // An entry may lie in two lines.
    }
    for (size_t i = 0; i < count; ++i)
      for (size_t line = 0; entries[i] != nullptr && line < kLinesMax && line * kLine < entries[i]->size; ++line)
        __builtin_prefetch(entries[i]->row.get() + line * kLine);
  }
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
  for (size_t i = 0; bytes_ > budget_bytes && (i < rows_max || bytes_ > far_over); ++i) {
    const bool small_first = small_bytes_ > budget_bytes / kSmallShare;
    uint32_t at = entries_[small_first ? kSmall : kLarge].newer;
    if (at <= kSmall) at = entries_[small_first ? kLarge : kSmall].newer;
    if (at <= kSmall) return;  // Both rings are empty.
    FRESHET_ASSERT(!ahead_of(entries_[at]).any());
    if (std::exchange(entries_[at].used, false)) {
      unlink(at);
      link(at);
      continue;
    }
    by_key_.erase(entries_[at].key);
    release(at);
  }
}

void RowCache::clear() {
  by_key_.clear();
  entries_ = make_rings();
  free_.clear();
  bytes_ = small_bytes_ = owed_ = dirty_ = 0;
}

// `older` of a ring is its newest row, `newer` its oldest one.
void RowCache::link(uint32_t at) {
  FRESHET_ASSERT(at > kSmall && at < entries_.size());
  const uint32_t ring = entries_[at].is_small() ? kSmall : kLarge;
  const uint32_t newest = entries_[ring].older;
  entries_[at].newer = ring;
  entries_[at].older = newest;
  entries_[newest].newer = at;
  entries_[ring].older = at;
}

void RowCache::unlink(uint32_t at) {
  FRESHET_ASSERT(at > kSmall && entries_[at].newer != kNone);
  entries_[entries_[at].newer].older = entries_[at].older;
  entries_[entries_[at].older].newer = entries_[at].newer;
}

void RowCache::release(uint32_t at) {
  Entry& kept = entries_[at];
  if (!ahead_of(kept).any()) unlink(at);
  FRESHET_ASSERT(bytes_ >= kept.capacity + kRowOverhead);
  bytes_ -= kept.capacity + kRowOverhead;
  if (kept.is_small()) small_bytes_ -= kept.capacity + kRowOverhead;
  kept = Entry{};
  free_.push_back(at);
}

}  // namespace freshet::state
