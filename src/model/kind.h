// What users and devices are called wherever others read of them. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "freshet/v1/envelope.pb.h"

namespace freshet::model {

// In JSON, in the headers of records and in messages to people. A stored kind that this release does not know is taken
// for a user, as everywhere.
[[nodiscard]] constexpr std::string_view kind_name(v1::EntityKind kind) {
  return kind == v1::ENTITY_KIND_DEVICE ? "device" : "user";
}

// nullopt: it is the name of neither.
[[nodiscard]] constexpr std::optional<v1::EntityKind> kind_named(std::string_view name) {
  for (const v1::EntityKind kind : {v1::ENTITY_KIND_USER, v1::ENTITY_KIND_DEVICE})
    if (name == kind_name(kind)) return kind;
  return std::nullopt;
}

// A tenant's profiles of one kind are a collection in MongoDB, whose driver takes C strings.
[[nodiscard]] constexpr const char* collection_name(v1::EntityKind kind) {
  return kind == v1::ENTITY_KIND_DEVICE ? "devices" : "users";
}

}  // namespace freshet::model
