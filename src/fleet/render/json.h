// A tree as JSON text, two spaces a level. Plain scalars must be numbers, booleans or null.
#pragma once

#include <string>

#include "yaml/node.h"

namespace freshet::fleet {

// For files of others (Grafana's dashboards), which people read and compare: hence one member a line.
[[nodiscard]] std::string write_json(const yaml::Node& root);

}  // namespace freshet::fleet
