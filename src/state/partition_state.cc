#include "state/partition_state.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "model/packed_state.h"

namespace freshet::state {
namespace {

constexpr uint32_t kFormat = 1;
constexpr size_t kAliasBytes = 200;   // a decoded alias, with its share of the table
constexpr size_t kEntityBytes = 256;  // what is added to an entity before it is flushed, about
constexpr size_t kSeenBytes = 48;     // a message id that is not flushed yet
constexpr size_t kDecodedFactor = 4;  // a decoded entity takes about this many times its row (measured)
// Of the budget: a generation of decoded ones has a sixth, of which there are two; the rest is for rows.
constexpr size_t kGenerationShare = 6;

std::string row_key(char kind, const Hash128& hash) {
  std::string key(1, kind);
  key.append(hash.view());
  return key;
}

void encode_alias(const Alias& alias, v1::AliasRow& row) {
  row.Clear();
  if (alias.held) to_proto(alias.ref, *row.mutable_ref());
  if (alias.use_time_us != 0 || !alias.use_message_id.empty()) {
    row.mutable_use()->set_time_us(alias.use_time_us);
    row.mutable_use()->set_message_id(alias.use_message_id);
  }
  row.set_generation(alias.generation);
  row.set_suppressed(alias.suppressed);
}

Error corrupt_row(std::string_view what, const Hash128& key) {
  return {Code::kCorrupt, std::string(what) + " row " + key.hex() +
                              " can't be decoded: restore this partition's state from a checkpoint"};
}

}  // namespace

template <class T>
T* PartitionState::Generations<T>::find_young(const Hash128& key) const {
  const auto at = young.find(key);
  return at != young.end() ? at->second.get() : nullptr;
}

template <class T>
T* PartitionState::Generations<T>::find(const Hash128& key) const {
  if (T* found = find_young(key)) return found;
  const auto at = old.find(key);
  return at != old.end() ? at->second.get() : nullptr;
}

template <class T>
T* PartitionState::Generations<T>::rejuvenate(const Hash128& key) {
  const auto at = old.find(key);
  if (at == old.end()) return nullptr;
  auto node = std::move(at->second);
  old.erase(at);
  return (young[key] = std::move(node)).get();
}

template <class T>
void PartitionState::Generations<T>::clear() {
  young.clear();
  old.clear();
}

Result<std::unique_ptr<PartitionState>> PartitionState::open(
    kv::Options options, const StateOptions& state_options,
    const std::function<Result<std::unique_ptr<kv::Store>>(const kv::Options&)>& opener) {
  auto lowest_span = std::make_shared<std::atomic<uint32_t>>(0);
  options.drop = [lowest_span](std::string_view key, std::string_view) {
    return is_expired_seen_row(key, lowest_span->load(std::memory_order_relaxed));
  };
  auto store = opener(options);
  if (!store) return tl::unexpected(std::move(store).error());
  std::unique_ptr<PartitionState> state(new PartitionState(std::move(*store), state_options, std::move(lowest_span)));
  FRESHET_TRY(state->load_meta());
  state->durable_offset_ = state->offset();
  return state;
}

PartitionState::PartitionState(std::unique_ptr<kv::Store> store, const StateOptions& options,
                               std::shared_ptr<std::atomic<uint32_t>> lowest_span)
    : store_(std::move(store)),
      options_(options),
      seen_(*store_, meta_),
      durable_lowest_span_(std::move(lowest_span)) {}

PartitionState::~PartitionState() = default;

Status PartitionState::load_meta() {
  meta_.Clear();
  auto row = store_->get("m");
  if (!row) return tl::unexpected(std::move(row).error());
  if (*row) {
    if (!meta_.ParseFromString(**row)) return fail(Code::kCorrupt, "the meta row of the state can't be decoded");
    if (meta_.format() > kFormat)
      return fail(Code::kInvalid, "the state was written by a newer version (format " + std::to_string(meta_.format()) +
                                      "; this one knows " + std::to_string(kFormat) + "): run the newer version");
  }
  meta_.set_format(kFormat);
  return {};
}

void PartitionState::note(Status status) {
  if (!status && status_) status_ = std::move(status);
}

// ---- entities and aliases -----------------------------------------------------------------------------------------

Alias* PartitionState::decode_alias(const Hash128& key, std::string_view row, bool dirty) {
  auto alias = std::make_unique<Alias>();
  v1::AliasRow decoded;
  if (!row.empty()) {
    if (!decoded.ParseFromArray(row.data(), static_cast<int>(row.size())))
      note(tl::unexpected(corrupt_row("alias", key)));
    alias->held = decoded.has_ref();
    if (alias->held) alias->ref = model::from_proto(decoded.ref());
    alias->use_time_us = decoded.use().time_us();
    alias->use_message_id = decoded.use().message_id();
    alias->generation = decoded.generation();
    alias->suppressed = decoded.suppressed();
  }
  alias->dirty = dirty;
  decoded_bytes_ += kAliasBytes;
  return (aliases_.young[key] = std::move(alias)).get();
}

Alias* PartitionState::find_alias(const Hash128& key) {
  const auto known = [](Alias* a) { return a->held || a->suppressed || a->generation > 0 || a->dirty ? a : nullptr; };
  if (Alias* alias = aliases_.find_young(key)) return known(alias);
  if (Alias* alias = aliases_.rejuvenate(key)) {
    decoded_bytes_ += kAliasBytes;
    return known(alias);
  }
  if (const RowCache::Found cached = rows_.find(key); cached.found) {
    Alias* alias = decode_alias(key, cached.row, cached.dirty);
    rows_.take(key);
    return known(alias);
  }
  auto row = store_->get(row_key('a', key));
  if (!row) note(tl::unexpected(std::move(row).error()));
  return known(decode_alias(key, row && *row ? std::string_view(**row) : std::string_view(), false));
}

Alias& PartitionState::edit_alias(const Hash128& key) {
  (void)find_alias(key);
  Alias& alias = *aliases_.find_young(key);
  if (!alias.dirty) {
    alias.dirty = true;
    dirty_aliases_.push_back(key);
    dirty_bytes_ += kAliasBytes;
  }
  return alias;
}

Entity* PartitionState::decode_entity(const Hash128& id, std::string_view row, bool dirty) {
  auto entity = std::make_unique<Entity>();
  if (!entity->state.ParseFromArray(row.data(), static_cast<int>(row.size()))) {
    note(tl::unexpected(corrupt_row("entity", id)));
    return nullptr;
  }
  entity->ref = model::from_proto(entity->state.ref());
  entity->bytes = row.size();
  entity->dirty = dirty;
  decoded_bytes_ += entity->bytes * kDecodedFactor;
  return (entities_.young[id] = std::move(entity)).get();
}

Entity* PartitionState::find_entity(const Hash128& id) {
  if (Entity* entity = entities_.find_young(id)) return entity;
  if (Entity* entity = entities_.rejuvenate(id)) {
    decoded_bytes_ += entity->bytes * kDecodedFactor;
    return entity;
  }
  if (const RowCache::Found cached = rows_.find(id); cached.found) {
    Entity* entity = decode_entity(id, cached.row, cached.dirty);
    if (entity != nullptr) rows_.take(id);
    return entity;
  }
  auto row = store_->get(row_key('e', id));
  if (!row) note(tl::unexpected(std::move(row).error()));
  return row && *row ? decode_entity(id, **row, false) : nullptr;
}

Entity& PartitionState::create_entity(const model::EntityRef& ref) {
  FRESHET_ASSERT(entities_.find(ref.id) == nullptr && !rows_.contains(ref.id));
  auto entity = std::make_unique<Entity>();
  to_proto(ref, *entity->state.mutable_ref());
  entity->ref = ref;
  Entity& made = *(entities_.young[ref.id] = std::move(entity));
  decoded_bytes_ += kEntityBytes * kDecodedFactor;
  touch(made, *this);
  return made;
}

void PartitionState::touch(Entity& entity, PartitionState& state) {
  if (entity.dirty) return;
  entity.dirty = true;
  state.dirty_entities_.push_back(entity.ref.id);
  state.dirty_bytes_ += entity.bytes + kEntityBytes;
}

template <class Hit, class Load>
static void prefetch(kv::Store& store, char kind, std::span<const Hash128> keys, const Hit& hit, const Load& load,
                     const std::function<void(Status)>& note) {
  std::vector<std::string> rows;
  std::vector<Hash128> wanted;
  absl::flat_hash_set<Hash128, Hash128Hasher> once;
  for (const Hash128& key : keys)
    if (!hit(key) && once.insert(key).second) {
      wanted.push_back(key);
      rows.push_back(row_key(kind, key));
    }
  if (rows.empty()) return;
  std::vector<std::optional<std::string>> values;
  if (Status status = store.multi_get(rows, values); !status) return note(std::move(status));
  for (size_t i = 0; i < wanted.size(); ++i) load(wanted[i], values[i]);
}

void PartitionState::prefetch_aliases(std::span<const Hash128> keys) {
  prefetch(
      *store_, 'a', keys, [&](const Hash128& k) { return aliases_.find(k) != nullptr || rows_.contains(k); },
      [&](const Hash128& k, const std::optional<std::string>& row) {
        decode_alias(k, row ? std::string_view(*row) : std::string_view(), false);
      },
      [&](Status s) { note(std::move(s)); });
}

void PartitionState::prefetch_entities(std::span<const Hash128> ids) {
  prefetch(
      *store_, 'e', ids, [&](const Hash128& k) { return entities_.find(k) != nullptr || rows_.contains(k); },
      [&](const Hash128& k, const std::optional<std::string>& row) {
        if (row) decode_entity(k, *row, false);
      },
      [&](Status s) { note(std::move(s)); });
}

// ---- messages and ledgers -----------------------------------------------------------------------------------------

void PartitionState::prefetch_seen(std::span<const Hash128> messages) { note(seen_.prefetch(messages)); }

bool PartitionState::first_sight(const Hash128& message, int64_t received_at_us) {
  auto first = seen_.first_sight(message, received_at_us);
  if (!first) note(tl::unexpected(std::move(first).error()));
  if (first && *first) dirty_bytes_ += kSeenBytes;
  return first && *first;
}

bool PartitionState::first_in_ledger(const Hash128& message) {
  if (unflushed_ledger_.contains(message)) return false;
  auto row = store_->get(row_key('l', message));
  if (!row) note(tl::unexpected(std::move(row).error()));
  if (row && *row) return false;
  unflushed_ledger_.insert(message);
  return true;
}

// ---- flushing -----------------------------------------------------------------------------------------------------

// Sorted: each row goes beside the last one in the store's memory.
void PartitionState::add_dirty_rows(kv::WriteBatch& batch) {
  v1::AliasRow row;
  std::string buffer;
  std::sort(dirty_aliases_.begin(), dirty_aliases_.end());
  std::sort(dirty_entities_.begin(), dirty_entities_.end());
  for (const Hash128& key : dirty_aliases_) {
    Alias* alias = aliases_.find(key);
    if (alias == nullptr) {
      batch.put(row_key('a', key), rows_.find(key).row);
      rows_.clean(key);
      continue;
    }
    encode_alias(*alias, row);
    row.SerializeToString(&buffer);
    batch.put(row_key('a', key), buffer);
    alias->dirty = false;
  }
  for (const Hash128& id : dirty_entities_) {
    Entity* entity = entities_.find(id);
    if (entity == nullptr) {
      batch.put(row_key('e', id), rows_.find(id).row);
      rows_.clean(id);
      continue;
    }
    model::pack(entity->state);
    entity->state.SerializeToString(&buffer);
    batch.put(row_key('e', id), buffer);
    entity->dirty = false;
  }
}

Status PartitionState::flush() {
  FRESHET_TRY(status());
  kv::WriteBatch batch;
  add_dirty_rows(batch);
  seen_.add_rows(batch);
  for (const Hash128& message : unflushed_ledger_) batch.put(row_key('l', message), std::string_view());
  batch.put("m", meta_.SerializeAsString());
  FRESHET_TRY(store_->write(batch, kv::Durability::kNone));
  dirty_aliases_.clear();
  dirty_entities_.clear();
  dirty_bytes_ = 0;
  seen_.written();
  unflushed_ledger_.clear();
  return {};
}

Status PartitionState::persist() {
  FRESHET_TRY(begin_persist());
  return finish_persist();
}

Status PartitionState::begin_persist() {
  FRESHET_TRY(flush());
  persisting_offset_ = meta_.next_offset();
  persisting_lowest_span_ = seen_.lowest_span();
  return {};
}

Status PartitionState::finish_persist() {
  FRESHET_TRY(store_->flush());
  durable_offset_ = persisting_offset_;
  const uint32_t before = durable_lowest_span_->exchange(persisting_lowest_span_, std::memory_order_relaxed);
  if (before == persisting_lowest_span_) return {};
  return store_->reclaim(seen_rows_of(0), seen_rows_of(persisting_lowest_span_));
}

Status PartitionState::drop() {
  entities_.clear();
  aliases_.clear();
  rows_.clear();
  dirty_entities_.clear();
  dirty_aliases_.clear();
  seen_.drop();
  unflushed_ledger_.clear();
  decoded_bytes_ = 0;
  dirty_bytes_ = 0;
  status_ = {};
  return load_meta();
}

void PartitionState::trim_memory() {
  if (decoded_bytes_ > options_.memory_bytes / kGenerationShare) age();
  rows_.trim(options_.memory_bytes / kGenerationShare * (kGenerationShare - 2));
}

// The old generation becomes rows.
void PartitionState::age() {
  v1::AliasRow row;
  std::string buffer;
  for (auto& [id, entity] : entities_.old) {
    model::pack(entity->state);
    entity->state.SerializeToString(&buffer);
    rows_.put(id, buffer, entity->dirty);
  }
  for (auto& [key, alias] : aliases_.old) {
    encode_alias(*alias, row);
    row.SerializeToString(&buffer);
    rows_.put(key, buffer, alias->dirty);
  }
  entities_.old = std::exchange(entities_.young, {});
  aliases_.old = std::exchange(aliases_.young, {});
  decoded_bytes_ = 0;
}

}  // namespace freshet::state
