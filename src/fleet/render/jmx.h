// Rules of the JMX exporter (its Java agent) for the metrics in metrics.h, and nothing more: of the thousands of MBeans
// of a broker only those are read.
#pragma once

#include "fleet/render/file.h"
#include "fleet/render/metrics.h"

namespace freshet::fleet {

// The same for every fleet: Strimzi carries it in a ConfigMap, Ansible reads the file.
[[nodiscard]] std::string exporter_rules(Exporter exporter);  // YAML, without a header

// Adds jmx/kafka.yml and jmx/mirror-maker.yml. The topology is not looked at.
void render_jmx(const Topology& topology, const Source& source, Rendering& out);

}  // namespace freshet::fleet
