// What people and forms put around a text, and nobody means. Pure.
#pragma once

#include <string_view>

namespace freshet::model {

// Without blanks at both ends, Unicode's and those without width among them.
[[nodiscard]] std::string_view without_padding(std::string_view text);

}  // namespace freshet::model
