// The part of the configuration that is about tenants.
#pragma once

#include <vector>

#include "model/tenant.h"
#include "yaml/reader.h"

namespace freshet::app {

// Sorted by name. Problems of all tenants, and of keys that two of them share.
[[nodiscard]] std::vector<model::Tenant> read_tenants(yaml::MapReader& config, yaml::Problems& problems);

}  // namespace freshet::app
