// A command of somebody's, run by the shell in a process of its own. One at a time for each object; not thread-safe.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "base/result.h"

namespace freshet::app {

class Child {
 public:
  Child() = default;
  ~Child() = default;  // leaves the command running: to kill half a restart would be worse
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // `sh -c COMMAND` with our environment; its output goes there, by default to standard error, as our own standard
  // output is for results, which a program may read; its input is empty. kFatal: it can't be. REQUIRES: none runs.
  [[nodiscard]] Status begin(const std::string& command, int output = STDERR_FILENO);
  // Its exit status, once; 128 + N if signal N ended it, as shells say it; nullopt: it runs yet.
  [[nodiscard]] Result<std::optional<int>> ended();
  // Kills it with all that it has started, if it runs.
  void kill();

 private:
  pid_t pid_ = -1;  // -1: none
};

}  // namespace freshet::app
