// The list of identifiers that an entity has, sorted by (type, value). Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

// Where the identifier is listed; -1: it is not.
[[nodiscard]] int find_identifier(const v1::EntityState& entity, const v1::Identifier& identifier);
// Lists the identifier; if it is listed already, the later use stays (merge_use()).
void put_identifier(v1::EntityState& entity, const v1::Identifier& identifier, const v1::Use& use);
[[nodiscard]] uint32_t count_identifiers(const v1::EntityState& entity, std::string_view type);
// What was refused to it may be granted now.
void forget_refusals(v1::EntityState& entity);

// Whom a record is about: the identifier that it is routed by.
[[nodiscard]] inline const v1::Identifier& routing_of(const v1::Envelope& record) {
  return record.user_size() > 0 ? record.user(0) : record.device(0);
}

}  // namespace freshet::action
