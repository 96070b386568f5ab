// JSON text of a v1::Value, and the order of values.
#pragma once

#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::model {

// Writes a value: times as ISO 8601, decimals and doubles as numbers (shortest that reads back), json as it is,
// stats as {"count":…,"first_at":…,"last_at":…}.
void write_value(JsonWriter& json, const v1::Value& value);
// The same at the end of `out`.
void append_json_value(std::string& out, const v1::Value& value);

// The value of a number, by its text (as JSON writes it, also with zeros in front) and what that is as a double. One
// without fraction and exponent keeps its digits, however many there are up to kWholeDigitsMax: ids are sent as
// numbers.
inline constexpr size_t kWholeDigitsMax = 100;
void set_number(v1::Value& value, std::string_view text, double number);

// The order of values in sets and of `min`/`max`: by kind, then numbers by size, text by bytes. Total.
[[nodiscard]] int compare_values(const v1::Value& a, const v1::Value& b);

}  // namespace freshet::model
