#include "state/partition_state.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace freshet::state {
namespace {

constexpr uint32_t kFormat = 1;
constexpr int64_t kHourUs = 3'600'000'000;
constexpr size_t kAliasBytes = 160;   // a cached alias, with its share of the table
constexpr size_t kEntityBytes = 512;  // a new entity, about
constexpr size_t kSeenBytes = 48;     // a message id that is not flushed yet
constexpr size_t kDecodedFactor = 4;  // a decoded entity takes about this many times its serialized size

std::string row_key(char kind, const Hash128& hash) {
  std::string key(1, kind);
  key.append(hash.view());
  return key;
}

std::string encode_hour(uint32_t hour) {
  return {static_cast<char>(hour >> 24), static_cast<char>(hour >> 16), static_cast<char>(hour >> 8),
          static_cast<char>(hour)};
}

uint32_t decode_hour(std::string_view row) {
  uint32_t hour = 0;
  for (const char c : row.substr(0, 4)) hour = hour << 8 | static_cast<unsigned char>(c);
  return hour;
}

uint32_t hour_of(int64_t time_us) { return static_cast<uint32_t>(std::max<int64_t>(time_us, 0) / kHourUs); }

void encode_alias(const Alias& alias, v1::AliasRow& row) {
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
}

Error corrupt_row(std::string_view what, const Hash128& key) {
  return {Code::kCorrupt, std::string(what) + " row " + key.hex() +
                              " can't be decoded: restore this partition's state from a checkpoint"};
}

}  // namespace

bool is_expired_seen_row(std::string_view key, std::string_view value, uint32_t lowest_hour) {
  return !key.empty() && key[0] == 's' && decode_hour(value) < lowest_hour;
}

Result<std::unique_ptr<PartitionState>> PartitionState::open(
    kv::Options options, const StateOptions& state_options,
    const std::function<Result<std::unique_ptr<kv::Store>>(const kv::Options&)>& opener) {
  auto lowest_hour = std::make_shared<std::atomic<uint32_t>>(0);
  options.drop = [lowest_hour](std::string_view key, std::string_view value) {
    return is_expired_seen_row(key, value, lowest_hour->load(std::memory_order_relaxed));
  };
  auto store = opener(options);
  if (!store) return tl::unexpected(std::move(store).error());
  std::unique_ptr<PartitionState> state(new PartitionState(std::move(*store), state_options, std::move(lowest_hour)));
  FRESHET_TRY(state->load_meta());
  state->durable_offset_ = state->offset();
  return state;
}

PartitionState::PartitionState(std::unique_ptr<kv::Store> store, const StateOptions& options,
                               std::shared_ptr<std::atomic<uint32_t>> lowest_hour)
    : store_(std::move(store)), options_(options), durable_lowest_hour_(std::move(lowest_hour)) {}

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

Alias* PartitionState::load_alias(const Hash128& key, std::string_view row) {
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
  young_bytes_ += kAliasBytes;
  return (young_aliases_[key] = std::move(alias)).get();
}

Alias* PartitionState::find_alias(const Hash128& key) {
  const auto known = [](Alias* a) { return a->held || a->suppressed || a->generation > 0 || a->dirty ? a : nullptr; };
  if (const auto at = young_aliases_.find(key); at != young_aliases_.end()) return known(at->second.get());
  if (const auto at = old_aliases_.find(key); at != old_aliases_.end()) {
    auto node = std::move(at->second);
    old_aliases_.erase(at);
    young_bytes_ += kAliasBytes;
    return known((young_aliases_[key] = std::move(node)).get());
  }
  auto row = store_->get(row_key('a', key));
  if (!row) note(tl::unexpected(std::move(row).error()));
  return known(load_alias(key, row && *row ? std::string_view(**row) : std::string_view()));
}

Alias& PartitionState::edit_alias(const Hash128& key) {
  (void)find_alias(key);
  Alias& alias = *young_aliases_.find(key)->second;
  if (!alias.dirty) {
    alias.dirty = true;
    dirty_aliases_.push_back(key);
    dirty_bytes_ += kAliasBytes;
  }
  return alias;
}

Entity* PartitionState::load_entity(const Hash128& id, std::string_view row) {
  auto entity = std::make_unique<Entity>();
  if (!entity->state.ParseFromArray(row.data(), static_cast<int>(row.size()))) {
    note(tl::unexpected(corrupt_row("entity", id)));
    return nullptr;
  }
  entity->ref = model::from_proto(entity->state.ref());
  entity->bytes = row.size();
  young_bytes_ += entity->bytes * kDecodedFactor;
  return (young_entities_[id] = std::move(entity)).get();
}

Entity* PartitionState::find_entity(const Hash128& id) {
  if (const auto at = young_entities_.find(id); at != young_entities_.end()) return at->second.get();
  if (const auto at = old_entities_.find(id); at != old_entities_.end()) {
    auto node = std::move(at->second);
    old_entities_.erase(at);
    young_bytes_ += node->bytes * kDecodedFactor;
    return (young_entities_[id] = std::move(node)).get();
  }
  auto row = store_->get(row_key('e', id));
  if (!row) note(tl::unexpected(std::move(row).error()));
  return row && *row ? load_entity(id, **row) : nullptr;
}

Entity& PartitionState::create_entity(const model::EntityRef& ref) {
  FRESHET_ASSERT(!young_entities_.contains(ref.id));
  auto entity = std::make_unique<Entity>();
  to_proto(ref, *entity->state.mutable_ref());
  entity->ref = ref;
  Entity& made = *(young_entities_[ref.id] = std::move(entity));
  touch(made, *this);
  return made;
}

void PartitionState::touch(Entity& entity, PartitionState& state) {
  if (entity.dirty) return;
  entity.dirty = true;
  state.dirty_entities_.push_back(&entity);
  state.dirty_bytes_ += entity.bytes * kDecodedFactor + kEntityBytes;
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
      *store_, 'a', keys, [&](const Hash128& k) { return young_aliases_.contains(k) || old_aliases_.contains(k); },
      [&](const Hash128& k, const std::optional<std::string>& row) {
        load_alias(k, row ? std::string_view(*row) : std::string_view());
      },
      [&](Status s) { note(std::move(s)); });
}

void PartitionState::prefetch_entities(std::span<const Hash128> ids) {
  prefetch(
      *store_, 'e', ids, [&](const Hash128& k) { return young_entities_.contains(k) || old_entities_.contains(k); },
      [&](const Hash128& k, const std::optional<std::string>& row) {
        if (row) load_entity(k, *row);
      },
      [&](Status s) { note(std::move(s)); });
}

// ---- deduplication ------------------------------------------------------------------------------------------------

void PartitionState::prefetch_seen(std::span<const Hash128> messages) {
  prefetched_seen_.clear();
  prefetch(
      *store_, 's', messages, [&](const Hash128& k) { return unflushed_seen_.contains(k); },
      [&](const Hash128& k, const std::optional<std::string>& row) {
        prefetched_seen_[k] = row ? decode_hour(*row) : 0;
      },
      [&](Status s) { note(std::move(s)); });
}

uint32_t PartitionState::lowest_hour() const {
  return hour_of(std::max<int64_t>(meta_.highest_received_at_us() - kDedupWindowUs, 0));
}

// The clock of the window is the highest received_at, but one record with a time far ahead must not close the window on
// everything: a jump counts only when a long row of records confirms it.
void PartitionState::move_dedup_clock(int64_t received_at_us) {
  const int64_t highest = meta_.highest_received_at_us();
  if (highest == 0 || (received_at_us >= highest && received_at_us - highest <= kDedupJumpUs)) {
    meta_.set_highest_received_at_us(std::max(highest, received_at_us));
    meta_.set_jump_count(0);
  } else if (received_at_us > highest) {
    const bool first = meta_.jump_count() == 0;
    meta_.set_jump_lowest_us(first ? received_at_us : std::min(meta_.jump_lowest_us(), received_at_us));
    meta_.set_jump_count(meta_.jump_count() + 1);
    if (meta_.jump_count() < kDedupJumpRecords) return;
    meta_.set_highest_received_at_us(meta_.jump_lowest_us());
    meta_.set_jump_count(0);
  } else {
    meta_.set_jump_count(0);
  }
}

bool PartitionState::first_sight(const Hash128& message, int64_t received_at_us) {
  move_dedup_clock(received_at_us);
  const uint32_t lowest = lowest_hour();
  uint32_t& hour = unflushed_seen_[message];  // 0: not there
  if (hour == 0) {
    if (const auto at = prefetched_seen_.find(message); at != prefetched_seen_.end()) {
      hour = at->second;
    } else {
      auto row = store_->get(row_key('s', message));
      if (!row) note(tl::unexpected(std::move(row).error()));
      hour = row && *row ? decode_hour(**row) : 0;
    }
  }
  const bool first = hour == 0 || hour < lowest;
  // Stamped with the partition's own clock, so that the window is whole even for a record that was received long ago.
  if (first) {
    hour = std::max(hour_of(meta_.highest_received_at_us()), 1u);
    dirty_bytes_ += kSeenBytes;
  }
  return first;
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

Status PartitionState::flush() {
  FRESHET_TRY(status());
  kv::WriteBatch batch;
  v1::AliasRow row;
  std::string buffer;
  // Sorted: each row goes beside the last one in the store's memory.
  std::sort(dirty_aliases_.begin(), dirty_aliases_.end());
  std::sort(dirty_entities_.begin(), dirty_entities_.end(),
            [](const Entity* a, const Entity* b) { return a->ref.id < b->ref.id; });
  for (const Hash128& key : dirty_aliases_) {
    const auto young = young_aliases_.find(key);
    Alias& alias = young != young_aliases_.end() ? *young->second : *old_aliases_.find(key)->second;
    encode_alias(alias, row);
    row.SerializeToString(&buffer);
    batch.put(row_key('a', key), buffer);
    alias.dirty = false;
  }
  for (Entity* entity : dirty_entities_) {
    entity->state.SerializeToString(&buffer);
    batch.put(row_key('e', entity->ref.id), buffer);
    young_bytes_ += buffer.size() * kDecodedFactor;
    young_bytes_ -= std::min(young_bytes_, entity->bytes * kDecodedFactor);
    entity->bytes = buffer.size();
    entity->dirty = false;
  }
  std::vector<std::pair<Hash128, uint32_t>> seen(unflushed_seen_.begin(), unflushed_seen_.end());
  std::sort(seen.begin(), seen.end());
  for (const auto& [message, hour] : seen) batch.put(row_key('s', message), encode_hour(hour));
  for (const Hash128& message : unflushed_ledger_) batch.put(row_key('l', message), std::string_view());
  meta_.SerializeToString(&buffer);
  batch.put("m", buffer);
  FRESHET_TRY(store_->write(batch, kv::Durability::kNone));
  dirty_aliases_.clear();
  dirty_entities_.clear();
  dirty_bytes_ = 0;
  unflushed_seen_.clear();
  prefetched_seen_.clear();
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
  persisting_lowest_hour_ = lowest_hour();
  return {};
}

Status PartitionState::finish_persist() {
  FRESHET_TRY(store_->flush());
  durable_offset_ = persisting_offset_;
  durable_lowest_hour_->store(persisting_lowest_hour_, std::memory_order_relaxed);
  return {};
}

Status PartitionState::drop() {
  young_entities_.clear();
  old_entities_.clear();
  young_aliases_.clear();
  old_aliases_.clear();
  dirty_entities_.clear();
  dirty_aliases_.clear();
  unflushed_seen_.clear();
  prefetched_seen_.clear();
  unflushed_ledger_.clear();
  young_bytes_ = 0;
  dirty_bytes_ = 0;
  status_ = {};
  return load_meta();
}

void PartitionState::trim_memory() {
  if (!wants_trim()) return;
  EntityMap leaving_entities = std::exchange(old_entities_, std::exchange(young_entities_, {}));
  AliasMap leaving_aliases = std::exchange(old_aliases_, std::exchange(young_aliases_, {}));
  young_bytes_ = 0;
  for (auto& [id, entity] : leaving_entities)
    if (entity->dirty) {
      young_bytes_ += entity->bytes * kDecodedFactor;
      young_entities_[id] = std::move(entity);
    }
  for (auto& [key, alias] : leaving_aliases)
    if (alias->dirty) {
      young_bytes_ += kAliasBytes;
      young_aliases_[key] = std::move(alias);
    }
}

}  // namespace freshet::state
