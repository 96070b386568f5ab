// Digits as people's keyboards write them. Pure. Private to the module.
#pragma once

#include <string>
#include <string_view>

namespace freshet::model {

// Digits of whatever script as 0 to 9, and the full-width forms of ASCII (U+FF01 to U+FF5E) as ASCII; all else stays.
// Numbers are typed so in Japanese and Arabic, and phones of some languages write their times so.
[[nodiscard]] std::string with_ascii_digits(std::string_view text);

}  // namespace freshet::model
