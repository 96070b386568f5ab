// A row in the cache is enough for all of these; where there is none, or it can't be read, the state itself is asked.
#include "state/slices.h"

#include "model/entity_ref.h"

namespace freshet::state {
namespace {

constexpr size_t kSliceBytesMax = 4u << 10;  // of a row that is sliced
constexpr uint8_t kSlicesMax = 2;            // of one entity, until what is decoded becomes rows

}  // namespace

// A row that can't be read is told of by find_alias().
Holder find_holder(PartitionState& state, const Hash128& key) {
  if (!state.aliases_.contains(key))
    if (const RowCache::Found cached = state.rows_.use(key); cached.found)
      if (const auto holder = read_holder(cached.row)) return *holder;
  const Alias* alias = state.find_alias(key);
  return alias != nullptr ? Holder{alias->ref, alias->held, alias->suppressed} : Holder{};
}

// Who comes up again and again is decoded as a whole, once for many batches, and so is a large row: what a slice copies
// of it would be more.
Entity* slice_entity(PartitionState& state, const Hash128& id, const v1::Envelope& record) {
  state.slice_.reset();
  if (state.entities_.contains(id)) return nullptr;
  const RowCache::Found cached = state.rows_.use(id);
  if (!cached.found || cached.row.size() > kSliceBytesMax) return nullptr;
  if (state.rows_.count_use(cached, state.span_) > kSlicesMax) return nullptr;
  state.slice_arena_.Reset();
  Entity& entity = state.slice_.emplace(state.slice_arena_);
  const bool read = state.of_slice_.read(cached.row, record, entity.state);
  entity.ref = model::from_proto(entity.state.ref());
  entity.sliced = true;
  return read && entity.ref.id == id ? &entity : nullptr;
}

void keep_slice(PartitionState& state) {
  if (state.slice_ && state.slice_->touched) {
    state.of_slice_.write(state.slice_->state, state.row_);
    state.changed_.change(ChangedRows::Kind::kEntity, state.slice_->ref.id, state.row_);
  }
  state.slice_.reset();
}

}  // namespace freshet::state
