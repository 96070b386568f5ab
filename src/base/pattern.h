// Patterns of names: `*` stands for any text, also none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace freshet {

// What the first `*` stood for if the whole name fits ("" without one); the shortest that fits. nullopt: it does not.
[[nodiscard]] std::optional<std::string> match_pattern(std::string_view pattern, std::string_view name);
[[nodiscard]] bool fits_pattern(std::string_view pattern, std::string_view name);

}  // namespace freshet
