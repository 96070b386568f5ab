// An inventory of Confluent's Ansible collection (cp-ansible) for each EC2 cluster: ansible/CLUSTER/hosts.yml. Brokers
// have the ids, zones and log directories of the topology; the JMX exporter reads ../../jmx/kafka.yml.
#pragma once

#include "fleet/render/file.h"

namespace freshet::fleet {

// Adds the inventories, and a note for each cluster whose version cp-ansible may not know.
void render_ansible(const Topology& topology, const Source& source, Rendering& out);

// The release of Confluent Platform that carries this version of Kafka ("3.9.1": "7.9"), or "": none is known.
[[nodiscard]] std::string confluent_version(std::string_view kafka_version);

}  // namespace freshet::fleet
