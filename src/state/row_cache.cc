#include "state/row_cache.h"

#include <cstring>

#include "base/assert.h"

namespace freshet::state {
namespace {

constexpr size_t kStep = 64;
constexpr size_t kRowOverhead = 104;  // slot, share of the table, the allocator's own

}  // namespace

std::vector<RowCache::Slot> RowCache::make_ring() {
  std::vector<Slot> slots(1);
  slots[0].newer = slots[0].older = 0;
  return slots;
}

// In steps, so that a row that grew or shrank a little goes where it was.
size_t RowCache::capacity_of(size_t row_bytes) { return (row_bytes + kStep - 1) / kStep * kStep; }

size_t RowCache::cost(size_t row_bytes) { return capacity_of(row_bytes) + kRowOverhead; }

void RowCache::put(const Hash128& key, std::string_view row, Ahead ahead) {
  const auto [entry, is_new] = by_key_.try_emplace(key, 0);
  if (is_new) {
    if (free_.empty()) {
      free_.push_back(static_cast<uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    entry->second = free_.back();
    free_.pop_back();
    slots_[entry->second].key = key;
    bytes_ += kRowOverhead;
  } else if (!slots_[entry->second].ahead.any()) {
    unlink(entry->second);
  }
  Slot& slot = slots_[entry->second];
  fill(slot, row);
  slot.ahead = ahead;
  if (!ahead.any()) link(entry->second);
}

void RowCache::fill(Slot& slot, std::string_view row) {
  const size_t capacity = capacity_of(row.size());
  if (slot.capacity != capacity) {
    slot.row = capacity > 0 ? std::make_unique_for_overwrite<char[]>(capacity) : nullptr;
    bytes_ += capacity - slot.capacity;
    slot.capacity = static_cast<uint32_t>(capacity);
  }
  slot.size = static_cast<uint32_t>(row.size());
  if (!row.empty()) std::memcpy(slot.row.get(), row.data(), row.size());
}

RowCache::Found RowCache::find(const Hash128& key) const {
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return {};
  const Slot& slot = slots_[at->second];
  return {{slot.row.get(), slot.size}, slot.ahead, true};
}

RowCache::Found RowCache::use(const Hash128& key) {
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return {};
  const Slot& slot = slots_[at->second];
  if (!slot.ahead.any()) {
    unlink(at->second);
    link(at->second);
  }
  return {{slot.row.get(), slot.size}, slot.ahead, true};
}

void RowCache::take_off(const Hash128& key) {
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return;
  Slot& slot = slots_[at->second];
  if (!slot.ahead.any()) unlink(at->second);
  slot.ahead = {.dirty = false, .flying = true};
}

void RowCache::land(const Hash128& key) {
  const auto at = by_key_.find(key);
  if (at == by_key_.end() || !slots_[at->second].ahead.flying) return;
  slots_[at->second].ahead.flying = false;
  if (!slots_[at->second].ahead.dirty) link(at->second);
}

void RowCache::trim(size_t budget_bytes) {
  while (bytes_ > budget_bytes && slots_[0].newer != 0) {
    const uint32_t oldest = slots_[0].newer;
    by_key_.erase(slots_[oldest].key);
    release(oldest);
  }
}

void RowCache::clear() {
  by_key_.clear();
  slots_ = make_ring();
  free_.clear();
  bytes_ = 0;
}

// `older` of the head is the newest row, `newer` of the head the oldest one.
void RowCache::link(uint32_t at) {
  const uint32_t newest = slots_[0].older;
  slots_[at].newer = 0;
  slots_[at].older = newest;
  slots_[newest].newer = at;
  slots_[0].older = at;
}

void RowCache::unlink(uint32_t at) {
  slots_[slots_[at].newer].older = slots_[at].older;
  slots_[slots_[at].older].newer = slots_[at].newer;
}

void RowCache::release(uint32_t at) {
  Slot& slot = slots_[at];
  if (!slot.ahead.any()) unlink(at);
  bytes_ -= slot.capacity + kRowOverhead;
  slot = Slot{};
  free_.push_back(at);
}

}  // namespace freshet::state
