// From a cluster of the file to the living one: what to connect with.
#pragma once

#include <string>
#include <string_view>

#include "cluster/admin/connection.h"
#include "fleet/topology.h"
#include "yaml/node.h"

namespace freshet::fleet {

// `connect` of the cluster; without `bootstrap` the addresses that are rendered for it. ${NAME} in a property is the
// value of that environment variable. kInvalid: one is not set; the message names it, the property and the cluster.
[[nodiscard]] Result<cluster::Connection> connection_of(const Topology& fleet, const Cluster& cluster,
                                                        const yaml::Environment& environment);

// `text` with the values of environment variables for ${NAME}; whatever else has a dollar stays. kInvalid: one is not
// set.
[[nodiscard]] Result<std::string> expand(std::string_view text, const yaml::Environment& environment);

}  // namespace freshet::fleet
