// The identifier list of an entity.
#include <algorithm>
#include <utility>

#include "action/events/attributes.h"
#include "action/events/sorted.h"
#include "action/identity/protocol.h"

namespace freshet::action {
namespace {

using Key = std::pair<std::string_view, std::string_view>;

Key key_of(const v1::IdentifierUse& i) { return {i.identifier().type(), i.identifier().value()}; }

int position_of(const v1::EntityState& entity, const v1::Identifier& identifier) {
  return lower_bound_of(entity.identifiers(), Key{identifier.type(), identifier.value()}, key_of);
}

bool is_at(const v1::EntityState& entity, int position, const v1::Identifier& identifier) {
  return position < entity.identifiers_size() &&
         key_of(entity.identifiers(position)) == Key{identifier.type(), identifier.value()};
}

}  // namespace

int find_identifier(const v1::EntityState& entity, const v1::Identifier& identifier) {
  const int at = position_of(entity, identifier);
  return is_at(entity, at, identifier) ? at : -1;
}

void put_identifier(v1::EntityState& entity, const v1::Identifier& identifier, const v1::Use& use) {
  const int at = position_of(entity, identifier);
  if (is_at(entity, at, identifier)) {
    v1::IdentifierUse& there = *entity.mutable_identifiers(at);
    if (earlier(there.use(), use)) *there.mutable_use() = use;
    return;
  }
  v1::IdentifierUse& added = insert_at(*entity.mutable_identifiers(), at);
  *added.mutable_identifier() = identifier;
  *added.mutable_use() = use;
}

uint32_t count_identifiers(const v1::EntityState& entity, std::string_view type) {
  return static_cast<uint32_t>(
      std::count_if(entity.identifiers().begin(), entity.identifiers().end(),
                    [&](const v1::IdentifierUse& i) { return i.identifier().type() == type; }));
}

}  // namespace freshet::action
