// A shell, because a command is what somebody would type: with pipes, quotes and variables.
#include "app/child.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"

extern char** environ;

namespace freshet::app {

Status Child::begin(const std::string& command, int output) {
  FRESHET_ASSERT(pid_ < 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own: Ctrl-C is for us, who finish the broker that is away, not for what brings it back.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  std::string shell = "sh", option = "-c", text = command;
  char* const arguments[] = {shell.data(), option.data(), text.data(), nullptr};
  const int error = posix_spawnp(&pid_, "sh", &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return {};
  pid_ = -1;
  return fail(Code::kFatal, fmt::format("the command can't be run: sh: {}", std::strerror(error)));
}

Result<std::optional<int>> Child::ended() {
  FRESHET_ASSERT(pid_ >= 0);
  int status = 0;
  const pid_t done = ::waitpid(pid_, &status, WNOHANG);
  if (done == 0) return std::optional<int>();
  pid_ = -1;
  if (done < 0) return fail(Code::kFatal, fmt::format("how the command ended is not known: {}", std::strerror(errno)));
  constexpr int kSignalled = 128;
  return std::optional<int>(WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status));
}

void Child::kill() {
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

}  // namespace freshet::app
