// Types of values as the schema knows them, and what tenants may have made of a value of another type than was learned
// (`schema.conflicts`, docs/operations/schema.md). All of it is pure: no order, node or clock changes an answer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/names.h"

namespace freshet::schema {

// A whole number and a fraction are both a number. kUnknown: nobody has said a value yet, as of an attribute that was
// only unset. The first value that comes decides.
enum class Type : uint8_t { kText, kNumber, kBoolean, kTime, kList, kObject, kUnknown };
[[nodiscard]] constexpr auto names_of(Type) {
  using enum Type;
  return std::to_array<Name<Type>>({{kText, "string"},
                                    {kNumber, "number"},
                                    {kBoolean, "boolean"},
                                    {kTime, "time"},
                                    {kList, "list"},
                                    {kObject, "object"},
                                    {kUnknown, ""}});
}
[[nodiscard]] constexpr bool is_scalar(Type type) {
  return type == Type::kText || type == Type::kNumber || type == Type::kBoolean || type == Type::kTime;
}

// The narrowest type that holds values of both without a loss: a list holds a scalar as its one element, and text holds
// every other scalar. nullopt: there is none, as for an object and anything else. Where there is one, it does not
// matter in which order types join.
[[nodiscard]] std::optional<Type> widened(Type a, Type b);

// What a scalar, of type `came`, says as a value of type `to`. `text` is the value of a text, the digits of a number as
// they were sent, `true` or `false`, a time as ISO 8601; and in the same way is the answer, which for numbers is one as
// JSON writes it. nullopt: it says something else, or something would be lost. REQUIRES: both are scalars.
[[nodiscard]] std::optional<std::string> coerced(Type came, std::string_view text, Type to);

// Whether the text is a number as JSON writes it (RFC 8259, section 6), and a double can be near it.
[[nodiscard]] bool is_json_number(std::string_view text);

}  // namespace freshet::schema
