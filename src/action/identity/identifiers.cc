// A sorted list instead of a map, as rows must have the same bytes whatever the order in which identifiers came.
#include "action/identity/identifiers.h"

#include <string>
#include <utility>

#include "action/events/sorted.h"
#include "action/identity/claims.h"
#include "base/assert.h"

namespace freshet::action {
namespace {

using Key = std::pair<std::string_view, std::string_view>;

Key key_of(const v1::IdentifierUse& i) { return {i.identifier().type(), i.identifier().value()}; }

int position_of(const v1::EntityState& entity, const Key& key) {
  return lower_bound_of(entity.identifiers(), key, key_of);
}

int position_of(const v1::EntityState& entity, const v1::Identifier& identifier) {
  return position_of(entity, Key{identifier.type(), identifier.value()});
}

bool is_at(const v1::EntityState& entity, int position, const v1::Identifier& identifier) {
  return position < entity.identifiers_size() &&
         key_of(entity.identifiers(position)) == Key{identifier.type(), identifier.value()};
}

}  // namespace

void forget_refusals(v1::EntityState& entity) {
  entity.clear_refused();
  entity.clear_refused_verified();
}

int find_identifier(const v1::EntityState& entity, const v1::Identifier& identifier) {
  const int at = position_of(entity, identifier);
  return is_at(entity, at, identifier) ? at : -1;
}

void put_identifier(v1::EntityState& entity, const v1::Identifier& identifier, const v1::Use& use) {
  const int at = position_of(entity, identifier);
  if (is_at(entity, at, identifier)) {
    return merge_use(*entity.mutable_identifiers(at)->mutable_use(), use);
  }
  v1::IdentifierUse& added = insert_at(*entity.mutable_identifiers(), at);
  *added.mutable_identifier() = identifier;
  *added.mutable_use() = use;
}

// The list is sorted by type, so those of one type lie between two positions.
uint32_t count_identifiers(const v1::EntityState& entity, std::string_view type) {
  const std::string behind = std::string(type) + '\0';  // the first type after it
  const int begin = position_of(entity, Key{type, {}});
  const int end = position_of(entity, Key{behind, {}});
  FRESHET_ASSERT(begin <= end);
  return static_cast<uint32_t>(end - begin);
}

}  // namespace freshet::action
