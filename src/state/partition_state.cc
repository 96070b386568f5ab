// Each row has up to four forms, and a change passes through all of them:
//
//   decoded   (entities_, aliases_)   what the batches at hand read and edit
//   row       (rows_)                 the bytes as the store will have them; dirty until a persist begins, then owed
//   flying    (flight_)               a copy that the persister's thread writes: made a few rows at a time, or when an
//                                     owed row is about to change
//   durable   (store_)                in one file with the offset that all of it stands for
//
// Reads take the first form that there is. A commit of the log stands before a row is owed: what flies is committed,
// so a crash can leave only a state from which the log can be replayed.
#include "state/partition_state.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "model/packed_state.h"

namespace freshet::state {
namespace {

constexpr size_t kFilterShare = FRESHET_BOUND(4, 64);  // Filters of message ids take at most that part of the memory.
constexpr size_t kSeenBytes = 48;                      // About what a message id takes that is not durable yet.
// What stays decoded between batches: of a few thousand records, among which a person who is busy right now comes up
// again and again. More would keep the records waiting that come when all of it is encoded, which takes some 20 ms.
constexpr size_t kDecodedBytesMax = FRESHET_BOUND(8u << 20, 16u << 10);
constexpr size_t kDecodedRowsMax = FRESHET_BOUND(16'384, 64);
constexpr size_t kDecodedShare = 16;  // It takes at most that part of the memory, but for what one batch touches.
constexpr size_t kSliceArenaBytes = 8u << 10;  // what most slices take
// Rows that land, and rows that are let go, after one batch: more than a batch brings, and done in about a millisecond.
constexpr size_t kSettledRowsMax = FRESHET_BOUND(4096, 3);
constexpr size_t kAllRows = SIZE_MAX;

std::string row_key(char kind, const Hash128& hash) {
  std::string key(1, kind);
  key.append(hash.view());
  return key;
}

void encode_entity(v1::EntityState& entity, std::string& bytes) {
  model::pack(entity);
  entity.SerializeToString(&bytes);
}

Error corrupt_row(std::string_view what, const Hash128& key) {
  return {Code::kCorrupt, std::string(what) + " row " + key.hex() +
                              " can't be decoded: restore this partition's state from a checkpoint"};
}

}  // namespace

// The store drops rows of expired messages by itself, in its own threads, while it compacts. It may ask only for what
// is durable: a span that a record has just closed would be open again after a crash.
Result<std::unique_ptr<PartitionState>> PartitionState::open(
    kv::Options options, const StateOptions& state_options,
    const std::function<Result<std::unique_ptr<kv::Store>>(const kv::Options&)>& opener) {
  auto lowest_span = std::make_shared<std::atomic<uint32_t>>(0);
  options.drop = [lowest_span](std::string_view key, std::string_view) {
    return is_expired_seen_row(key, lowest_span->load(std::memory_order_relaxed));
  };
  FRESHET_ASSIGN(auto store, opener(options));
  std::unique_ptr<PartitionState> state(new PartitionState(std::move(store), state_options, std::move(lowest_span)));
  FRESHET_TRY(state->load_meta());
  state->seen_.opened();
  state->durable_offset_ = state->offset();
  return state;
}

PartitionState::PartitionState(std::unique_ptr<kv::Store> store, const StateOptions& options,
                               std::shared_ptr<std::atomic<uint32_t>> lowest_span)
    : store_(std::move(store)),
      options_(options),
      seen_(*store_, meta_, options.memory_bytes / kFilterShare),
      durable_lowest_span_(std::move(lowest_span)),
      slice_memory_(std::make_unique_for_overwrite<char[]>(kSliceArenaBytes)),
      slice_arena_(slice_memory_.get(), kSliceArenaBytes) {}

PartitionState::~PartitionState() = default;

Status PartitionState::load_meta() {
  meta_.Clear();
  FRESHET_ASSIGN(auto row, store_->get(kMetaRow));
  if (row) {
    if (!meta_.ParseFromString(*row)) return fail(Code::kCorrupt, "the meta row of the state can't be decoded");
    if (meta_.format() > kStateFormat)
      return fail(Code::kInvalid, "the state was written by a newer version (format " + std::to_string(meta_.format()) +
                                      "; this one knows " + std::to_string(kStateFormat) +
                                      "): run the newer version (CHANGELOG.md names the state format of each)");
    if (meta_.format() < kStateFormat)
      return fail(Code::kInvalid,
                  "the state is of format " + std::to_string(meta_.format()) +
                      ", from before the first release, when rows did not say where they are at home: no release reads "
                      "it; start with a new data directory");
  }
  meta_.set_format(kStateFormat);
  return {};
}

// The first failure is kept: it is the one that the others follow from.
void PartitionState::note(Status status) {
  if (!status && status_) status_ = std::move(status);
}

// ---- entities and aliases -----------------------------------------------------------------------------------------

// An empty row is decoded too: that nobody has an identifier is asked for as often as who has it.
Alias* PartitionState::decode_alias(const Hash128& key, std::string_view row) {
  Alias& alias = aliases_[key];
  if (row.empty()) return &alias;
  v1::AliasRow& decoded = *google::protobuf::Arena::CreateMessage<v1::AliasRow>(&arena_);
  if (!decoded.ParseFromArray(row.data(), static_cast<int>(row.size()))) {
    note(tl::unexpected(corrupt_row("alias", key)));
    return &alias;
  }
  state::decode_alias(decoded, alias);
  return &alias;
}

Alias* PartitionState::find_alias(const Hash128& key) {
  const auto known = [](Alias* a) { return a->held || a->suppressed || a->generation > 0 ? a : nullptr; };
  if (const auto at = aliases_.find(key); at != aliases_.end()) return known(&at->second);
  if (const RowCache::Found cached = rows_.use(key); cached.found) return known(decode_alias(key, cached.row));
  auto row = store_->get(row_key('a', key));
  if (!row) note(tl::unexpected(std::move(row).error()));
  const std::string_view bytes = row && *row ? std::string_view(**row) : std::string_view();
  rows_.put(key, bytes);
  return known(decode_alias(key, bytes));
}

Alias& PartitionState::edit_alias(const Hash128& key) {
  (void)find_alias(key);
  const auto at = aliases_.find(key);
  FRESHET_ASSERT(at != aliases_.end());
  Alias& alias = at->second;
  if (!alias.touched) {
    alias.touched = true;
    touched_aliases_.emplace_back(key, &alias);
  }
  return alias;
}

Entity* PartitionState::decode_entity(const Hash128& id, std::string_view row) {
  Entity& entity = entities_.try_emplace(id, arena_).first->second;
  const bool parsed = entity.state.ParseFromArray(row.data(), static_cast<int>(row.size()));
  entity.ref = model::from_proto(entity.state.ref());
  if (!parsed || entity.ref.id != id) {
    note(tl::unexpected(corrupt_row("entity", id)));
    entities_.erase(id);
    return nullptr;
  }
  return &entity;
}

Entity* PartitionState::find_entity(const Hash128& id) {
  if (const auto at = entities_.find(id); at != entities_.end()) return &at->second;
  if (const RowCache::Found cached = rows_.use(id); cached.found) return decode_entity(id, cached.row);
  auto row = store_->get(row_key('e', id));
  if (!row) note(tl::unexpected(std::move(row).error()));
  if (!row || !*row) return nullptr;
  rows_.put(id, **row);
  return decode_entity(id, **row);
}

Entity& PartitionState::create_entity(const model::EntityRef& ref) {
  if (!status_) return stand_in(ref);  // An alias may only seem to be free, because its row could not be read.
  FRESHET_ASSERT(!entities_.contains(ref.id) && !rows_.contains(ref.id));
  Entity& made = entities_.try_emplace(ref.id, arena_).first->second;
  to_proto(ref, *made.state.mutable_ref());
  made.ref = ref;
  touch(made, *this);
  return made;
}

// An entity that is made although something could not be read. It is never written: before a commit status() is asked.
Entity& PartitionState::stand_in(const model::EntityRef& ref) {
  stand_in_ = std::make_unique<Entity>(arena_);
  to_proto(ref, *stand_in_->state.mutable_ref());
  stand_in_->ref = ref;
  stand_in_->touched = true;
  return *stand_in_;
}

void PartitionState::touch(Entity& entity, PartitionState& state) {
  if (entity.touched) return;
  entity.touched = true;
  if (!entity.sliced) state.touched_entities_.push_back(&entity);
}

// Puts those of `keys` that are not in memory into wanted_, each once and ascending.
void PartitionState::want(std::span<const Hash128> keys) {
  rows_.prefetch(keys);
  wanted_.clear();
  for (const Hash128& key : keys)
    if (!rows_.contains(key)) wanted_.push_back(key);
  std::sort(wanted_.begin(), wanted_.end());
  wanted_.erase(std::unique(wanted_.begin(), wanted_.end()), wanted_.end());
}

void PartitionState::prefetch_aliases(std::span<const Hash128> keys) {
  want(keys);
  std::erase_if(wanted_, [this](const Hash128& key) { return aliases_.contains(key); });
  Status read = store_->multi_get(row_keys_.of("a", wanted_),
                                  [this](size_t i, std::string_view row) { rows_.put(wanted_[i], row); });
  if (!read) return note(std::move(read));
  for (const Hash128& key : wanted_)
    if (!rows_.contains(key)) rows_.put(key, {});
}

void PartitionState::prefetch_entities(std::span<const Hash128> ids) {
  want(ids);
  std::erase_if(wanted_, [this](const Hash128& id) { return entities_.contains(id); });
  note(store_->multi_get(row_keys_.of("e", wanted_),
                         [this](size_t i, std::string_view row) { rows_.put(wanted_[i], row); }));
}

void PartitionState::encode_touched() {
  v1::AliasRow row;
  std::string buffer;
  for (const auto& [key, alias] : touched_aliases_) {
    encode_alias(*alias, row, buffer);
    changed_.change(ChangedRows::Kind::kAlias, key, buffer);
  }
  for (Entity* entity : touched_entities_) {
    encode_entity(entity->state, buffer);
    changed_.change(ChangedRows::Kind::kEntity, entity->ref.id, buffer);
  }
  touched_aliases_.clear();
  touched_entities_.clear();
}

// Pointers to what was decoded end here.
void PartitionState::forget_decoded() {
  encode_touched();
  aliases_.clear();
  entities_.clear();
  stand_in_.reset();
  arena_.Reset();
  ++span_;
}

void PartitionState::settle() {
  const size_t decoded_max = std::min(kDecodedBytesMax, options_.memory_bytes / kDecodedShare);
  if (arena_.SpaceAllocated() > decoded_max || entities_.size() + aliases_.size() > kDecodedRowsMax) forget_decoded();
  const size_t filters = std::min(options_.memory_bytes / kFilterShare, seen_.filters().bytes());
  land(kSettledRowsMax);
  rows_.trim(options_.memory_bytes - filters - std::min(decoded_max, arena_.SpaceAllocated()), kSettledRowsMax);
}

// ---- messages and ledgers -----------------------------------------------------------------------------------------

void PartitionState::prefetch_seen(std::span<const Hash128> messages) { note(seen_.prefetch(messages)); }

bool PartitionState::first_sight(const Hash128& message, int64_t received_at_us) {
  auto first = seen_.first_sight(message, received_at_us);
  if (!first) note(tl::unexpected(std::move(first).error()));
  if (first && *first) seen_bytes_ += kSeenBytes;
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

Status PartitionState::persist() {
  FRESHET_TRY(begin_persist());
  (void)gather(kAllRows);
  return finish_persist();
}

// What the persist writes is fixed here, on the worker's thread, with the offset that it stands for: what the next
// batch changes belongs to the next persist. If one of the two came later than the other, a crash would leave a state
// that has a record twice, or not at all. But the rows, of which there may be a hundred thousand, are only called owed;
// to copy all of them here would keep every record of this worker waiting for a quarter of a second.
Status PartitionState::begin_persist() {
  FRESHET_TRY(status());
  forget_decoded();
  land(kAllRows);
  FRESHET_ASSERT(!flying_ && offset() >= durable_offset());
  changed_.begin();
  for (const Hash128& message : ledger_) changed_.add('l', message);
  flying_ledger_.assign(ledger_.begin(), ledger_.end());
  seen_.begin_persist();
  flight_.meta = meta_.SerializeAsString();
  flight_.offset = meta_.next_offset();
  flight_.lowest_span = seen_.lowest_span();
  flying_ = gathering_ = true;
  seen_bytes_ = 0;
  if (FRESHET_MUTANT(kOffsetBeforeState)) {
    kv::WriteBatch early;
    early.put(kMetaRow, flight_.meta);
    return store_->write(early, kv::Durability::kNone);
  }
  return {};
}

bool PartitionState::gather(size_t rows_max) {
  FRESHET_ASSERT(gathering_);
  gathering_ = !changed_.gather(rows_max);
  return !gathering_;
}

Status PartitionState::finish_persist() {
  // Neither is changed by the worker until this has landed.
  FRESHET_ASSERT(flying_ && !gathering_ && flight_.offset >= durable_offset_);
  FRESHET_TRY(store_->write_sorted([this](kv::SortedRows& rows) {
    changed_.put(rows);
    rows.put(kMetaRow, flight_.meta);
    seen_.put_rows(rows);
  }));
  durable_offset_ = flight_.offset;
  const uint32_t before = durable_lowest_span_->exchange(flight_.lowest_span, std::memory_order_relaxed);
  Status status;
  if (before != flight_.lowest_span) status = store_->reclaim(seen_rows_of(0), seen_rows_of(flight_.lowest_span));
  flight_ = {};
  if (status) status = seen_.gather_filters();
  landed_.store(true, std::memory_order_release);
  return status;
}

// The store has what flew, so it need not stay in memory. This is the worker's half of finish_persist(), which runs on
// another thread and touches nothing that the worker uses.
void PartitionState::land(size_t rows_max) {
  if (!flying_ || !landed_.load(std::memory_order_acquire)) return;
  if (!changed_.land(rows_max)) return;
  for (const Hash128& message : flying_ledger_) ledger_.erase(message);
  flying_ledger_.clear();
  seen_.end_persist();
  flying_ = false;
  landed_.store(false, std::memory_order_relaxed);
}

// After an aborted commit: memory has records whose outputs were never said, so all of it is read anew from what is
// durable.
Status PartitionState::drop() {
  land(kAllRows);
  FRESHET_ASSERT(!flying_ || gathering_);
  flying_ = gathering_ = false;
  flight_ = {};
  flying_ledger_.clear();
  touched_entities_.clear();
  touched_aliases_.clear();
  slice_.reset();
  forget_decoded();
  rows_.clear();
  changed_.drop();
  seen_.drop();
  ledger_.clear();
  seen_bytes_ = 0;
  status_ = {};
  FRESHET_TRY(load_meta());
  FRESHET_ASSERT(offset() == durable_offset());
  return {};
}

}  // namespace freshet::state
