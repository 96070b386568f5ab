// Names of attributes, events and identifier types as MongoDB's field names. All functions are
// pure.
//
// `.` becomes %2E, NUL becomes %00, and a leading `$` becomes %24. A `%` stays what it is, unless
// what follows it would make it read as one of these escapes (2E, 24, 00, 25): then it is %25. So
// every name reads back as it was, and few change at all.
#pragma once

#include <string>
#include <string_view>

namespace freshet::docstore {

[[nodiscard]] std::string escape_name(std::string_view name);
[[nodiscard]] std::string unescape_name(std::string_view field);

}  // namespace freshet::docstore
