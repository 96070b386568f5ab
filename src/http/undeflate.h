// HTTP's "deflate". Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::http {

// As gunzip() of http/text.h, of what is also raw deflate (RFC 1951): many programs send that, though zlib is meant.
[[nodiscard]] Result<std::optional<std::string>> undeflate(std::string_view body, size_t bytes_max);

}  // namespace freshet::http
