// How commands show what is wrong with a file.
#pragma once

#include <string>

#include "yaml/node.h"

namespace freshet::app {

// As lines on standard error, or with `json` as {"ok":false,"problems":[{"file":…,"line":…,"column":…,"message":…}]} on
// standard output.
void print_problems(const yaml::Problems& problems, bool json);

// `text` as a JSON string with its quotes.
[[nodiscard]] std::string json_text(std::string_view text);

}  // namespace freshet::app
