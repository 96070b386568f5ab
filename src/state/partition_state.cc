#include "state/partition_state.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
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

void encode_alias(const Alias& alias, v1::AliasRow& row, std::string& bytes) {
  row.Clear();
  if (alias.held) to_proto(alias.ref, *row.mutable_ref());
  if (alias.use_time_us != 0 || !alias.use_message_id.empty()) {
    row.mutable_use()->set_time_us(alias.use_time_us);
    row.mutable_use()->set_message_id(alias.use_message_id);
  }
  row.set_generation(alias.generation);
  row.set_suppressed(alias.suppressed);
  row.mutable_claimants()->Add(alias.claimants.begin(), alias.claimants.end());
  row.set_common(alias.common);
  row.SerializeToString(&bytes);
}

void encode_entity(Entity& entity, std::string& bytes) {
  model::pack(entity.state);
  entity.state.SerializeToString(&bytes);
  entity.bytes = bytes.size();
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

Alias* PartitionState::decode_alias(const Hash128& key, std::string_view row, Ahead ahead) {
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
    alias->claimants.assign(decoded.claimants().begin(), decoded.claimants().end());
    alias->common = decoded.common();
  }
  alias->ahead = ahead;
  decoded_bytes_ += kAliasBytes;
  return (aliases_.young[key] = std::move(alias)).get();
}

Alias* PartitionState::find_alias(const Hash128& key) {
  const auto known = [](Alias* a) {
    return a->held || a->suppressed || a->generation > 0 || a->ahead.dirty ? a : nullptr;
  };
  if (Alias* alias = aliases_.find_young(key)) return known(alias);
  if (Alias* alias = aliases_.rejuvenate(key)) {
    decoded_bytes_ += kAliasBytes;
    return known(alias);
  }
  if (const RowCache::Found cached = rows_.find(key); cached.found) {
    Alias* alias = decode_alias(key, cached.row, cached.ahead);
    rows_.take(key);
    return known(alias);
  }
  auto row = store_->get(row_key('a', key));
  if (!row) note(tl::unexpected(std::move(row).error()));
  return known(decode_alias(key, row && *row ? std::string_view(**row) : std::string_view(), {}));
}

Alias& PartitionState::edit_alias(const Hash128& key) {
  (void)find_alias(key);
  Alias& alias = *aliases_.find_young(key);
  if (!alias.ahead.dirty) {
    alias.ahead.dirty = true;
    dirty_aliases_.push_back(key);
    dirty_bytes_ += kAliasBytes;
  }
  return alias;
}

Entity* PartitionState::decode_entity(const Hash128& id, std::string_view row, Ahead ahead) {
  auto entity = std::make_unique<Entity>();
  if (!entity->state.ParseFromArray(row.data(), static_cast<int>(row.size()))) {
    note(tl::unexpected(corrupt_row("entity", id)));
    return nullptr;
  }
  entity->ref = model::from_proto(entity->state.ref());
  entity->bytes = row.size();
  entity->ahead = ahead;
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
    Entity* entity = decode_entity(id, cached.row, cached.ahead);
    if (entity != nullptr) rows_.take(id);
    return entity;
  }
  auto row = store_->get(row_key('e', id));
  if (!row) note(tl::unexpected(std::move(row).error()));
  return row && *row ? decode_entity(id, **row, {}) : nullptr;
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
  if (entity.ahead.dirty) return;
  entity.ahead.dirty = true;
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
        decode_alias(k, row ? std::string_view(*row) : std::string_view(), {});
      },
      [&](Status s) { note(std::move(s)); });
}

void PartitionState::prefetch_entities(std::span<const Hash128> ids) {
  prefetch(
      *store_, 'e', ids, [&](const Hash128& k) { return entities_.find(k) != nullptr || rows_.contains(k); },
      [&](const Hash128& k, const std::optional<std::string>& row) {
        if (row) decode_entity(k, *row, {});
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
  if (ledger_.contains(message)) return false;
  auto row = store_->get(row_key('l', message));
  if (!row) note(tl::unexpected(std::move(row).error()));
  if (row && *row) return false;
  ledger_.insert(message);
  return true;
}

// ---- persisting ---------------------------------------------------------------------------------------------------

void PartitionState::take_aliases() {
  v1::AliasRow row;
  std::string buffer;
  for (const Hash128& key : dirty_aliases_) {
    Alias* alias = aliases_.find(key);
    if (alias == nullptr) {
      flight_.rows.add('a', key, rows_.find(key).row);
      rows_.take_off(key);
      continue;
    }
    encode_alias(*alias, row, buffer);
    flight_.rows.add('a', key, buffer);
    alias->ahead = {.dirty = false, .flying = true};
  }
  flying_aliases_ = std::exchange(dirty_aliases_, {});
}

void PartitionState::take_entities() {
  std::string buffer;
  for (const Hash128& id : dirty_entities_) {
    Entity* entity = entities_.find(id);
    if (entity == nullptr) {
      flight_.rows.add('e', id, rows_.find(id).row);
      rows_.take_off(id);
      continue;
    }
    encode_entity(*entity, buffer);
    flight_.rows.add('e', id, buffer);
    entity->ahead = {.dirty = false, .flying = true};
  }
  flying_entities_ = std::exchange(dirty_entities_, {});
}

Status PartitionState::persist() {
  FRESHET_TRY(begin_persist());
  return finish_persist();
}

Status PartitionState::begin_persist() {
  FRESHET_TRY(status());
  land();
  FRESHET_ASSERT(!flying_);
  take_aliases();
  take_entities();
  for (const Hash128& message : ledger_) flight_.rows.add('l', message, {});
  flying_ledger_.assign(ledger_.begin(), ledger_.end());
  seen_.begin_persist();
  flight_.meta = meta_.SerializeAsString();
  flight_.offset = meta_.next_offset();
  flight_.lowest_span = seen_.lowest_span();
  flying_ = true;
  dirty_bytes_ = 0;
  if (FRESHET_MUTANT(kOffsetBeforeState)) {
    kv::WriteBatch early;
    early.put("m", flight_.meta);
    return store_->write(early, kv::Durability::kNone);
  }
  return {};
}

Status PartitionState::finish_persist() {
  FRESHET_TRY(store_->write_sorted([this](kv::SortedRows& rows) {
    flight_.rows.put(rows);
    rows.put("m", flight_.meta);
    seen_.put_rows(rows);
  }));
  durable_offset_ = flight_.offset;
  const uint32_t before = durable_lowest_span_->exchange(flight_.lowest_span, std::memory_order_relaxed);
  Status status;
  if (before != flight_.lowest_span) status = store_->reclaim(seen_rows_of(0), seen_rows_of(flight_.lowest_span));
  flight_ = {};
  landed_.store(true, std::memory_order_release);
  return status;
}

// The store has what flew: it need not stay in memory.
void PartitionState::land() {
  if (!flying_ || !landed_.exchange(false, std::memory_order_acquire)) return;
  flying_ = false;
  for (const Hash128& id : flying_entities_) {
    if (Entity* entity = entities_.find(id)) entity->ahead.flying = false;
    rows_.land(id);
  }
  for (const Hash128& key : flying_aliases_) {
    if (Alias* alias = aliases_.find(key)) alias->ahead.flying = false;
    rows_.land(key);
  }
  for (const Hash128& message : flying_ledger_) ledger_.erase(message);
  flying_entities_.clear();
  flying_aliases_.clear();
  flying_ledger_.clear();
  seen_.end_persist();
}

Status PartitionState::drop() {
  land();
  FRESHET_ASSERT(!flying_);
  entities_.clear();
  aliases_.clear();
  rows_.clear();
  dirty_entities_.clear();
  dirty_aliases_.clear();
  seen_.drop();
  ledger_.clear();
  decoded_bytes_ = 0;
  dirty_bytes_ = 0;
  status_ = {};
  return load_meta();
}

void PartitionState::trim_memory() {
  land();
  if (decoded_bytes_ > options_.memory_bytes / kGenerationShare) age();
  rows_.trim(options_.memory_bytes / kGenerationShare * (kGenerationShare - 2));
}

// The old generation becomes rows.
void PartitionState::age() {
  v1::AliasRow row;
  std::string buffer;
  for (auto& [id, entity] : entities_.old) {
    encode_entity(*entity, buffer);
    rows_.put(id, buffer, entity->ahead);
  }
  for (auto& [key, alias] : aliases_.old) {
    encode_alias(*alias, row, buffer);
    rows_.put(key, buffer, alias->ahead);
  }
  entities_.old = std::exchange(entities_.young, {});
  aliases_.old = std::exchange(aliases_.young, {});
  decoded_bytes_ = 0;
}

}  // namespace freshet::state
