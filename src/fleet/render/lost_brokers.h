// What a rendering has no more of brokers and controllers that the one before had: machines, volumes, room on them; and
// what it has more of, that applying it does not do by itself. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freshet::fleet {

// Of a cluster on EC2: terragrunt.hcl as it is on disk, and as it is rendered now ("": the cluster is gone).
[[nodiscard]] std::vector<std::string> lost_machines(std::string_view old_inputs, std::string_view new_inputs);

// Of a mirror on EC2 of this name: playbook.yml.
[[nodiscard]] std::vector<std::string> lost_units(std::string_view mirror, std::string_view old_playbook,
                                                  std::string_view new_playbook);

// Of a cluster in Kubernetes: kafka.yaml.
[[nodiscard]] std::vector<std::string> lost_pods(std::string_view old_resources, std::string_view new_resources);

}  // namespace freshet::fleet
