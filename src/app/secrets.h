// Secrets that a configuration names without having them.
#pragma once

#include <string>

#include "base/result.h"

namespace freshet::app {

// What the text of a secret stands for: env:NAME, file:PATH, or itself. Errors have no secrets.
[[nodiscard]] Result<std::string> secret_of(const std::string& text);

}  // namespace freshet::app
