// From what stands in fleet.yaml to a topology: names become indices, defaults that depend on other things are filled
// in, mirrors make their topics. Private to src/fleet.
#pragma once

#include "fleet/fields.h"

namespace freshet::fleet {

// What is wrong becomes problems; then the topology is not to be used. Without problems every Index in it is in range
// and every topic is in its mirrors' targets: lint, plan and render take that for granted.
[[nodiscard]] Topology resolve(FleetText text, yaml::Problems& problems);

}  // namespace freshet::fleet
