// Between JSON text and v1::Value, and a small appender for the JSON that we write.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::model {

// Appends `text` as a JSON string with its quotes. REQUIRES: valid UTF-8.
void append_json_string(std::string& out, std::string_view text);
// Appends a value: times as ISO 8601, decimals and doubles as numbers (shortest that reads back), json as it is,
// stats as {"count":…,"first_at":…,"last_at":…}.
void append_json_value(std::string& out, const v1::Value& value);

// The order of values in sets and of `min`/`max`: by kind, then numbers by size, text by bytes. Total.
[[nodiscard]] int compare_values(const v1::Value& a, const v1::Value& b);

}  // namespace freshet::model
