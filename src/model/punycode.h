// Names of hosts beyond ASCII. Pure. Private to the module.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace freshet::model {

// The text of a label behind its "xn--" (RFC 3492), as UTF-8. nullopt: it is none.
[[nodiscard]] std::optional<std::string> decode_punycode(std::string_view label);

}  // namespace freshet::model
