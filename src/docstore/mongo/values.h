// Values of profiles as BSON, and back. Names inside JSON objects are escaped as all others are
// (names.h).
//
//   text, boolean       as they are
//   integer             int64
//   number              double
//   time_us             date: milliseconds, the rest is lost
//   decimal             decimal128, exact to 34 digits; beyond them a double
//   json                document; as text if BSON can't hold it (a number beyond 64 bits, nested beyond kDepthMax)
//   list                array
//   stats               {count, first_at, last_at}
//   (none)              null
#pragma once

#include <bson/bson.h>

#include <optional>
#include <string_view>

#include "freshet/v1/envelope.pb.h"

namespace freshet::docstore {

// How deep documents and arrays may lie in one another; MongoDB takes 100.
inline constexpr int kDepthMax = 64;

void append_value(bson_t* to, std::string_view key, const v1::Value& value, int depth = 0);

// Reads a value. nullopt: it is null, or of a type that no value of a profile has. Inside of lists
// such elements are left out, inside of documents they are null. Any bytes are safe.
[[nodiscard]] std::optional<v1::Value> read_value(const bson_iter_t& at, int depth = 0);
// Reads the statistics of an event, {count, first_at, last_at}.
[[nodiscard]] std::optional<v1::Value> read_stats(const bson_iter_t& at);

}  // namespace freshet::docstore
