// How commands show what is wrong with a file.
#pragma once

#include "yaml/node.h"

namespace freshet::app {

// As lines on standard error, or with `json` as {"ok":false,"problems":[{"file":…,"line":…,"column":…,"message":…}]} on
// standard output.
void print_problems(const yaml::Problems& problems, bool json);

}  // namespace freshet::app
