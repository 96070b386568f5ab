// Letters with marks in one form. Pure, and the same on every machine.
#pragma once

#include <string>
#include <string_view>

namespace freshet::model {

// With each small letter and the marks behind it as one character, where there is one: "e" and U+0301 as "é", and
// Korean syllables whole (Unicode's NFC). Forms of both kinds look the same to people, and which one is sent depends on
// the keyboard and the file system that it came from. Bytes that are no UTF-8 stay. Twice is once.
[[nodiscard]] std::string composed(std::string_view text);

}  // namespace freshet::model
