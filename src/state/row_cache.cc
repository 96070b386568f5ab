#include "state/row_cache.h"

#include <cstring>

#include "base/assert.h"

namespace freshet::state {
namespace {

constexpr size_t kRowOverhead = 104;  // slot, share of the table, the allocator's own

}  // namespace

std::vector<RowCache::Slot> RowCache::make_ring() {
  std::vector<Slot> slots(1);
  slots[0].newer = slots[0].older = 0;
  return slots;
}

size_t RowCache::cost(const Slot& slot) { return slot.size + kRowOverhead; }

void RowCache::put(const Hash128& key, std::string_view row, Ahead ahead) {
  if (const auto at = by_key_.find(key); at != by_key_.end()) release(at->second);
  uint32_t at = 0;
  if (free_.empty()) {
    at = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
  }
  Slot& slot = slots_[at];
  slot.key = key;
  slot.size = static_cast<uint32_t>(row.size());
  if (!row.empty()) {
    slot.row = std::make_unique_for_overwrite<char[]>(row.size());
    std::memcpy(slot.row.get(), row.data(), row.size());
  }
  slot.ahead = ahead;
  if (!ahead.any()) link(at);
  bytes_ += cost(slot);
  by_key_.insert_or_assign(key, at);
}

RowCache::Found RowCache::find(const Hash128& key) const {
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return {};
  const Slot& slot = slots_[at->second];
  return {{slot.row.get(), slot.size}, slot.ahead, true};
}

void RowCache::take(const Hash128& key) {
  const auto at = by_key_.find(key);
  FRESHET_ASSERT(at != by_key_.end());
  release(at->second);
  by_key_.erase(at);
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
  bytes_ -= cost(slot);
  slot = Slot{};
  free_.push_back(at);
}

}  // namespace freshet::state
