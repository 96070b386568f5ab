// A file of YAML, as text.
#pragma once

#include <optional>
#include <string>

#include "yaml/node.h"

namespace freshet::yaml {

// nullopt: it can't be read, or is empty, which `problems` says, and that it must be `wanted` ("a description of a
// fleet").
[[nodiscard]] std::optional<std::string> read_file(const std::string& path, const std::string& wanted,
                                                   Problems& problems);

}  // namespace freshet::yaml
