// Each row is taken in the first form that there is, as the engine would take it: decoded, in memory, in the store.
#include "state/peek.h"

#include <string>
#include <utility>

#include "model/packed_state.h"
#include "state/partition_state.h"

namespace freshet::state {
namespace {

std::string key_of_row(char kind, const Hash128& hash) {
  std::string key(1, kind);
  key.append(hash.view());
  return key;
}

template <class Message>
Result<Message> parse_row(std::string_view row, std::string_view what, const Hash128& key) {
  Message message;
  if (message.ParseFromArray(row.data(), static_cast<int>(row.size()))) return message;
  return fail(Code::kCorrupt, std::string(what) + " row " + key.hex() +
                                  " can't be decoded: restore this partition's state from a checkpoint");
}

}  // namespace

Result<std::optional<v1::EntityState>> peek_entity(const PartitionState& state, const Hash128& id) {
  std::optional<v1::EntityState> entity;
  if (const auto at = state.entities_.find(id); at != state.entities_.end()) {
    entity = at->second.state;
  } else if (const RowCache::Found cached = state.rows_.find(id); cached.found) {
    FRESHET_ASSIGN(entity, parse_row<v1::EntityState>(cached.row, "entity", id));
  } else {
    FRESHET_ASSIGN(const auto row, state.store_->get(key_of_row('e', id)));
    if (!row) return std::nullopt;
    FRESHET_ASSIGN(entity, parse_row<v1::EntityState>(*row, "entity", id));
  }
  model::unpack(*entity);
  return entity;
}

Result<std::optional<model::EntityRef>> peek_holder(const PartitionState& state, const Hash128& key) {
  if (const auto at = state.aliases_.find(key); at != state.aliases_.end())
    return at->second.held ? std::optional(at->second.ref) : std::nullopt;
  std::string stored;
  std::string_view row;
  if (const RowCache::Found cached = state.rows_.find(key); cached.found) {
    row = cached.row;
  } else {
    FRESHET_ASSIGN(auto found, state.store_->get(key_of_row('a', key)));
    stored = std::move(found).value_or("");
    row = stored;
  }
  FRESHET_ASSIGN(const auto alias, parse_row<v1::AliasRow>(row, "alias", key));
  return alias.has_ref() ? std::optional(model::from_proto(alias.ref())) : std::nullopt;
}

Result<bool> peek_seen(const PartitionState& state, const Hash128& message) { return state.seen_.was_seen(message); }

}  // namespace freshet::state
