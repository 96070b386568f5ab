// A configuration as others may see it. Private to the doctor.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::app {

// The file's tree with "…" in the place of every value that could be a secret or somebody's data: tokens, keys,
// passwords, connection strings, properties of librdkafka other than those known to be harmless, users in addresses;
// and of tenants everything but numbers and truth values. ${NAME} stays as it is: nothing is taken from the
// environment. kInvalid: it is not YAML.
[[nodiscard]] Result<std::string> masked_config(std::string_view text);

}  // namespace freshet::app
