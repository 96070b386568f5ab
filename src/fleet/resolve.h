// From what stands in fleet.yaml to a topology: names become indices, defaults that depend on other things are filled
// in, mirrors make their topics. Private to src/fleet.
#pragma once

#include "fleet/fields.h"

namespace freshet::fleet {

// What is wrong becomes problems; then the topology is not to be used.
[[nodiscard]] Topology resolve(FleetText text, yaml::Problems& problems);

}  // namespace freshet::fleet
