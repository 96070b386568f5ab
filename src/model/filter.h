// A test of one value: of `where` of computed attributes, audiences and sinks.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::model {

// Whether the value (nullopt: there is none) passes the test. Only `ne` and `exists: false` pass without a value. Equal
// numbers are equal, however they are written.
[[nodiscard]] bool passes(const v1::ComputedRule::Filter& filter, const std::optional<v1::Value>& value);

// The same of a value that is there, by how it compares with that of the test (below 0: it is less).
[[nodiscard]] bool passes_by_order(v1::ComputedRule::Test test, int order);

// What a test of a profile is about, by its name there: an attribute, or `computed.NAME`. The name within the section
// is part of `name`.
[[nodiscard]] std::pair<v1::Section, std::string_view> part_named(std::string_view name);

}  // namespace freshet::model
