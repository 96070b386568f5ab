// A command of somebody's for one broker: `{broker}`, `{host}`, `{port}` and `{rack}` in it are the broker's.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace freshet::app {

struct CommandedBroker {
  int32_t id = 0;
  std::string host;
  uint16_t port = 0;
  std::string rack = {};  // "": it says none
};

// For `sh -c`. kFatal: the broker's host or rack is no name, and would be the shell's.
[[nodiscard]] Result<std::string> command_for(std::string text, const CommandedBroker& broker);

}  // namespace freshet::app
