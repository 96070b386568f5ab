// EC2 clusters for Terraform, laid out for Terragrunt:
//
//   terraform/root.hcl                          state and provider
//   terraform/modules/kafka-cluster/*.tf        the one module (src/fleet/render/files)
//   terraform/REGION/region.hcl
//   terraform/REGION/CLUSTER/terragrunt.hcl     the module's input
#pragma once

#include "fleet/render/file.h"

namespace freshet::fleet {

// Nothing is rendered for a fleet that has no cluster on EC2, not even the module.
void render_terraform(const Topology& topology, const Source& source, Rendering& out);

// Where the volumes of a broker are mounted; Kafka's data is in its subfolder "kafka".
[[nodiscard]] std::string mount_of(uint32_t volume);
// All of them, as a regular expression.
inline constexpr std::string_view kMountPattern = "/var/lib/kafka/disk[0-9]+";

}  // namespace freshet::fleet
