// Pure functions over the parts of a request: addresses and compressed bodies.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freshet::http {

// Undoes percent-encoding: "a%20b+c" becomes "a b+c". '+' becomes a blank only in queries. A
// malformed escape is kInvalid.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, bool query);
// The decoded parameters of a query string, in their order. A malformed one is kInvalid.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);
// Inflates gzip or zlib. nullopt: it stopped because the output would pass `bytes_max` (a zip bomb). kInvalid: the data
// is damaged.
[[nodiscard]] Result<std::optional<std::string>> gunzip(std::string_view body, size_t bytes_max);
// RFC 1952, at zlib's default level.
[[nodiscard]] std::string gzip(std::string_view body);

}  // namespace freshet::http
