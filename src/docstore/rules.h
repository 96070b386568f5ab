// What every store asks of a change and of a document, so that all of them refuse and find the
// same.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "base/result.h"
#include "freshet/v1/change.pb.h"

namespace freshet::docstore {

inline constexpr size_t kIdBytes = 16;

// kInvalid: no store can take this change, because its tenant, kind, id or version is wrong.
[[nodiscard]] Status check_change(const v1::Change& change);

// Whether a document that was not removed lists this identifier.
[[nodiscard]] bool lists(const v1::Document& document, const v1::Identifier& identifier);

// The first identifier of this type in a document that was not removed whose value begins with this one.
[[nodiscard]] std::optional<std::string> first_with_prefix(const v1::Document& document, const v1::Identifier& begin);

// Calls visit(text) for each identifier in a value of section IDENTIFIERS.
template <class Visit>
void each_identifier(const v1::Value& value, const Visit& visit) {
  if (value.kind_case() == v1::Value::kText) visit(value.text());
  for (const v1::Value& element : value.list().values()) {
    if (element.kind_case() == v1::Value::kText) visit(element.text());
  }
}

}  // namespace freshet::docstore
