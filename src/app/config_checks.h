// What must be so between several keys of the configuration, beside what config_fields.h says of each.
#pragma once

#include "app/config.h"
#include "yaml/node.h"

namespace freshet::app {

// `root`: the file that `config` was read from.
void check_config(const yaml::Node& root, const Config& config, yaml::Problems& problems);

}  // namespace freshet::app
