// Mirrors of kind freshet, as `freshet mirror` runs them (docs/mirror.md), where their target runs:
//
//   mirrors/NAME/kubernetes.yaml              Strimzi: a Deployment and its configuration
//   mirrors/NAME/mirror.yaml, playbook.yml    EC2: the configuration; a unit of systemd on the target's first brokers
//
// A process has about 130 MB and needs 2 to 3 microseconds of a core a record, so it has no machines of its own.
#pragma once

#include <vector>

#include "fleet/render/file.h"
#include "fleet/render/names.h"

namespace freshet::fleet {

void render_mirrors(const Topology& topology, const Source& source, Rendering& out);

// Where its processes are on EC2: so many of the target's brokers as it has workers, if there are so many.
[[nodiscard]] std::vector<Host> mirror_hosts(const Topology& topology, const Mirror& mirror);
// Of its metrics there: mirrors into one cluster share machines, so each has a port of its own.
[[nodiscard]] uint32_t mirror_port(const Topology& topology, Index mirror);

}  // namespace freshet::fleet
