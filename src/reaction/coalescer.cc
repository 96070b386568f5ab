// Folds what waits. The point of it: a profile that changes a hundred times a second is written as
// often as the store answers, not as often as it changes, and each write says all that came before
// it.

#include "reaction/coalescer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "model/document.h"

namespace freshet::reaction {
namespace {

constexpr size_t kSpareMax = 4096;  // changes that are kept for reuse
constexpr int kSpareOpsMax = 32;    // larger ones are not worth their memory

// Folds `later` into `earlier`. It may be older than `earlier` or the same, which then has it
// already: a replay.
void fold(v1::Change& earlier, v1::Change& later) {
  if (FRESHET_MUTANT(kCoalescerReorders)) earlier.mutable_ops()->Swap(later.mutable_ops());
  if (earlier.version() < later.version()) model::fold_change(earlier, std::move(later));
}

void add_trace(Traces& traces, const telemetry::TraceContext& trace) {
  const bool known = std::find(traces.begin(), traces.end(), trace) != traces.end();
  if (!known && traces.size() < kTracesMax) traces.push_back(trace);
}

void take_trace(v1::Change& change, Traces& traces) {
  if (change.trace_parent().empty()) return;
  const auto trace = telemetry::parse_trace_parent(change.trace_parent());
  if (trace && trace->sampled) add_trace(traces, *trace);
  change.clear_trace_parent();
}

}  // namespace

uint32_t Coalescer::tenant_handle(const std::string& tenant) {
  FRESHET_ASSERT(tenant_handles_.size() == tenants_.size());
  const auto [at, made] = tenant_handles_.try_emplace(tenant, static_cast<uint32_t>(tenants_.size()));
  if (made) tenants_.push_back(tenant);
  return at->second;
}

void Coalescer::add(v1::Change& change, uint32_t tenant, const Mark& mark) {
  FRESHET_ASSERT(tenant < tenants_.size());
  const Key key{Hash128::from(change.id()), tenant, change.kind()};
  const auto [at, made] = by_key_.try_emplace(key, 0);
  if (made) at->second = make_entity(key);
  Entity& entity = entities_[at->second];
  take_trace(change, entity.traces);
  if (entity.waits) {
    fold(entity.change, change);
    ++coalesced_;
  } else {
    entity.change.Swap(&change);
    entity.waits = true;
  }
  entity.marks.push_back(mark);
  bytes_ += mark.bytes;
  make_ready(at->second);
}

Bulk Coalescer::take(size_t count) {
  Bulk bulk;
  count = std::min(count, ready_.size());
  bulk.changes.reserve(count);
  bulk.writes.reserve(count);
  while (count-- > 0) {
    const uint32_t handle = ready_.front();
    ready_.pop_front();
    Entity& entity = entities_[handle];
    FRESHET_ASSERT(entity.queued && entity.waits && !entity.in_flight && !entity.marks.empty());
    entity.queued = false;
    entity.waits = false;
    entity.in_flight = true;
    // Attempts belong to the write from here on; put_back() brings them back.
    bulk.writes.push_back({handle, entity.key.tenant, std::exchange(entity.attempts, 0), std::move(entity.marks),
                           std::exchange(entity.traces, {})});
    entity.marks.clear();
    bulk.changes.push_back(std::move(entity.change));
    if (!spare_.empty()) {
      entity.change = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  FRESHET_ASSERT(bulk.changes.size() == bulk.writes.size());
  return bulk;
}

void Coalescer::written(const Write& write, v1::Change&& change) {
  Entity& entity = entities_[write.entity];
  FRESHET_ASSERT(entity.in_flight);
  entity.in_flight = false;
  for (const Mark& mark : write.marks) {
    FRESHET_ASSERT(bytes_ >= mark.bytes);
    bytes_ -= mark.bytes;
  }
  recycle(std::move(change));
  if (entity.waits) {
    make_ready(write.entity);
  } else {
    release_if_idle(write.entity);
  }
}

void Coalescer::put_back(Write&& write, v1::Change&& change, env::TimeUs due) {
  Entity& entity = entities_[write.entity];
  FRESHET_ASSERT(entity.in_flight);
  entity.in_flight = false;
  // What came meanwhile is newer, so it is folded into the write that failed and not the other way
  // round.
  if (entity.waits) {
    fold(change, entity.change);
    ++coalesced_;
    write.marks.insert(write.marks.end(), entity.marks.begin(), entity.marks.end());
  }
  entity.change.Swap(&change);
  entity.marks = std::move(write.marks);
  for (const telemetry::TraceContext& trace : entity.traces) add_trace(write.traces, trace);
  entity.traces = std::move(write.traces);
  entity.waits = true;
  entity.attempts = write.attempts + 1;
  FRESHET_ASSERT(!entity.delayed && !entity.queued);
  entity.delayed = true;
  delayed_.emplace(due, write.entity);
}

void Coalescer::wake(env::TimeUs now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const uint32_t handle = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    entities_[handle].delayed = false;
    // What waited may have been forgotten while it was delayed.
    if (entities_[handle].waits) {
      make_ready(handle);
    } else {
      release_if_idle(handle);
    }
  }
}

env::TimeUs Coalescer::next_due() const {
  return delayed_.empty() ? std::numeric_limits<env::TimeUs>::max() : delayed_.begin()->first;
}

// A partition is seldom taken away, so a walk over all entities is cheaper than lists that every
// change would have to keep.
void Coalescer::forget(uint32_t lane) {
  std::vector<uint32_t> gone;
  for (const auto& [key, handle] : by_key_) {
    const Entity& entity = entities_[handle];
    const bool of_lane =
        std::any_of(entity.marks.begin(), entity.marks.end(), [lane](const Mark& mark) { return mark.lane == lane; });
    if (entity.waits && of_lane) gone.push_back(handle);
  }
  for (const uint32_t handle : gone) {
    Entity& entity = entities_[handle];
    for (const Mark& mark : entity.marks) {
      FRESHET_ASSERT(bytes_ >= mark.bytes);
      bytes_ -= mark.bytes;
    }
    entity.marks.clear();
    entity.traces.clear();
    entity.change.Clear();
    entity.waits = false;
    // A queue must not name an entity that has nothing to write.
    if (std::exchange(entity.queued, false)) std::erase(ready_, handle);
    release_if_idle(handle);
  }
}

uint32_t Coalescer::make_entity(const Key& key) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(entities_.size()));
    entities_.emplace_back();
  }
  const uint32_t handle = free_.back();
  free_.pop_back();
  FRESHET_ASSERT(!entities_[handle].waits && !entities_[handle].in_flight);
  entities_[handle].key = key;
  return handle;
}

void Coalescer::make_ready(uint32_t handle) {
  Entity& entity = entities_[handle];
  // One that is in flight becomes ready when its write is over; a delayed one when it is due.
  if (entity.queued || entity.in_flight || entity.delayed) return;
  entity.queued = true;
  ready_.push_back(handle);
}

void Coalescer::release_if_idle(uint32_t handle) {
  Entity& entity = entities_[handle];
  if (entity.waits || entity.in_flight || entity.delayed) return;
  entity.attempts = 0;
  const size_t erased = by_key_.erase(entity.key);
  FRESHET_ASSERT(erased == 1 && !entity.queued);
  free_.push_back(handle);
}

void Coalescer::recycle(v1::Change&& change) {
  if (spare_.size() >= kSpareMax || change.ops_size() > kSpareOpsMax) return;
  spare_.push_back(std::move(change));
  spare_.back().Clear();
}

}  // namespace freshet::reaction
