// Letters without their case, beyond ASCII. Pure, and the same on every machine.
#pragma once

namespace freshet::model {

// The small letter of a code point, or the code point itself. What has only longer small letters stays as it is.
[[nodiscard]] char32_t lower_case(char32_t letter);

}  // namespace freshet::model
