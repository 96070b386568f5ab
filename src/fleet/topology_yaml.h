// Reads fleet.yaml (docs/fleet/README.md; its keys: fleet/fields.h). Whatever is wrong with it becomes a problem with
// line, column and what is allowed; one run shows all of them. What is allowed but unwise is for lint.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fleet/topology.h"
#include "yaml/node.h"

namespace freshet::fleet {

// Both are pure but for the file that the second one reads, and thread-safe as long as each call has problems of its
// own.
// The topology of this text; nullopt if `problems` has any. `problems.file()` becomes its `file`.
[[nodiscard]] std::optional<Topology> parse_topology(std::string_view text, yaml::Problems& problems);

// Of this file. nullopt: `problems` says why, also if it can't be read.
[[nodiscard]] std::optional<Topology> load_topology(const std::string& path, yaml::Problems& problems);

}  // namespace freshet::fleet
