// A test of one value: of `where` of computed attributes, and of sinks.
#pragma once

#include <optional>

#include "freshet/v1/envelope.pb.h"

namespace freshet::model {

// Whether the value (nullopt: there is none) passes the test. Only `ne` and `exists: false` pass without a value. Equal
// numbers are equal, however they are written.
[[nodiscard]] bool passes(const v1::ComputedRule::Filter& filter, const std::optional<v1::Value>& value);

}  // namespace freshet::model
