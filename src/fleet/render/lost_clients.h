// What a rendering has no more for clients that the one before had: the cluster where it was, the way to connect to it,
// users; and an older Kafka, which does not start on what the newer one has written. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freshet::fleet {

// Of a cluster in Kubernetes: kafka.yaml as it is on disk, and as it is rendered now. Of one that is gone, lost_pods()
// says so.
[[nodiscard]] std::vector<std::string> lost_listeners(std::string_view old_resources, std::string_view new_resources);

// Of a cluster on EC2 of this name: its inventory, hosts.yml.
[[nodiscard]] std::vector<std::string> lost_connections(std::string_view cluster, std::string_view old_inventory,
                                                        std::string_view new_inventory);

// Of a cluster in Kubernetes: users.yaml.
[[nodiscard]] std::vector<std::string> lost_users(std::string_view old_users, std::string_view new_users);

}  // namespace freshet::fleet
