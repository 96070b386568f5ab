// A profile as it is now, said whole from its entity: what all changes of it, one after the other, have made of its
// document under the rules in force.
#pragma once

#include <optional>

#include "action/rules.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

// Only such an entity has a document. One that was never said has none, nor has one that was merged away or erased: a
// change of it would bring one back.
[[nodiscard]] bool has_document(const v1::EntityState& entity);
// Makes `change` one of the entity, at the version that it has; what changed is not in it yet.
void say_whose(const v1::EntityState& entity, v1::Change& change);
// The same, with the whole of the entity.
void say_whole(v1::EntityState& entity, const Tenant& tenant, v1::Change& change);
// The document; nullopt: it has none. The entity is unpacked.
[[nodiscard]] std::optional<v1::Document> whole_document(v1::EntityState& entity, const Tenant& tenant);

}  // namespace freshet::action
