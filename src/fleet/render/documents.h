// Documents of a rendered file of YAML, read back.
#pragma once

#include <string_view>
#include <vector>

#include "yaml/node.h"

namespace freshet::fleet {

// In their order, less empty ones. What can't be read is left out: somebody may have changed the file by hand.
[[nodiscard]] std::vector<yaml::Node> documents_in(std::string_view file);

}  // namespace freshet::fleet
