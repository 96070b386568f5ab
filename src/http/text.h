// Pure functions over the parts of a request: addresses and compressed bodies.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freshet::http {

// "a%20b+c" -> "a b+c"; '+' becomes a blank only in queries. Malformed escapes are kInvalid.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, bool query);
// Decoded parameters of a query string in order; malformed ones are kInvalid.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);
// Inflates gzip or zlib; stops with kInvalid when the output would pass `bytes_max` (zip bombs) or the data is damaged.
[[nodiscard]] Result<std::string> gunzip(std::string_view body, size_t bytes_max);

}  // namespace freshet::http
