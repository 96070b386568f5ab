// The in-memory form of v1::EntityRef: names an entity everywhere. All of it is fixed at the entity's creation, so
// every partition orders two references alike, whatever its rules are today. The id says where it lives: model/home.h.
#pragma once

#include <cstdint>

#include "base/hash.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::model {

struct EntityRef {
  Hash128 id;
  uint32_t rank = 0;         // of the root identifier's type, in the rules of that day
  bool shared_root = false;  // anonymous: created from an identifier that several persons may use
  v1::EntityKind kind = v1::ENTITY_KIND_USER;

  bool operator==(const EntityRef& other) const { return id == other.id; }
};

[[nodiscard]] EntityRef from_proto(const v1::EntityRef& ref);
void to_proto(const EntityRef& ref, v1::EntityRef& out);

// Whether a is the survivor of a join with b: the one whose root type ranks higher, then the one with the smaller id.
// The order is total and never changes, so no two partitions decide differently and redirects can't form a circle.
[[nodiscard]] bool survives(const EntityRef& a, const EntityRef& b);

// Hash of (tenant, kind, root identifier, generation), with the home of the root. A freed identifier's next entity has
// another generation, so an id is never used twice.
[[nodiscard]] Hash128 entity_id(std::string_view tenant, v1::EntityKind kind, const v1::Identifier& root,
                                uint32_t generation);

}  // namespace freshet::model
