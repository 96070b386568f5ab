// Mirrors are started in sessions of their own, with a file that has their process number: whoever follows may be
// killed, and the next one finds them. A number alone could be another process's by then, so its command line is looked
// at.
#include "app/runbook_hands.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "app/child.h"
#include "env/clock.h"
#include "env/file.h"

extern char** environ;

namespace freshet::app {
namespace {

constexpr env::TimeUs kChildLookUs = 50'000;
constexpr env::TimeUs kMirrorLivesUs = 2'000'000;  // one that is told wrong ends at once
constexpr env::TimeUs kMirrorEndsUs = 60'000'000;  // it ends its transaction before

// This program.
std::string self() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "freshet" : path.string();
}

// What the runbook calls `freshet` is this program, whatever else is so called on this machine.
std::string with_self(std::string command) {
  const std::string program = "'" + self() + "' ";
  constexpr std::string_view kName = "freshet ";
  for (size_t at = 0; (at = command.find(kName, at)) != std::string::npos;) {
    const bool begins =
        at == 0 || command[at - 1] == '\n' || command.compare(at - std::min<size_t>(at, 3), 3, "&& ") == 0;
    if (begins) command.replace(at, kName.size(), program);
    at += begins ? program.size() : kName.size();
  }
  return command;
}

}  // namespace

std::string ShellHands::path_of(const std::string& file, std::string_view end) const {
  return (std::filesystem::path(options_.folder) / file).string() + std::string(end);
}

void ShellHands::tell(const std::string& line) { fmt::print(stderr, "{}\n", line); }

// In the folder of the files, as they are named there without one.
Result<int> ShellHands::run(const std::string& command) {
  std::string text = command;
  constexpr std::string_view kApply = "&& freshet fleet apply ";
  if (const size_t at = text.find(kApply); options_.yes && at != std::string::npos) text += " --yes";
  tell("  $ " + text);
  Child child;
  FRESHET_TRY(child.begin(fmt::format("cd '{}' || exit 125\nset -e\n{}", options_.folder, with_self(text))));
  while (true) {
    FRESHET_ASSIGN(const auto status, child.ended());
    if (status) return *status;
    env::real_clock().sleep_us(kChildLookUs);
  }
}

int ShellHands::process_of(const std::string& file) const {
  const std::string text = env::read_file(path_of(file, ".pid")).value_or("");
  int number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc() || number <= 1) return 0;
  const std::string line = env::read_file(fmt::format("/proc/{}/cmdline", number)).value_or("");
  return line.find(file) == std::string::npos ? 0 : number;
}

bool ShellHands::mirror_runs(const std::string& file) { return process_of(file) != 0; }

Status ShellHands::start_mirror(const std::string& file) {
  if (mirror_runs(file)) return {};
  tell("  $ freshet mirror --config " + file);
  const std::string log = path_of(file, ".log"), config = path_of(file, "");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::string program = self(), name = "mirror", option = "--config", value = config;
  char* const arguments[] = {program.data(), name.data(), option.data(), value.data(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.c_str(), &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail(Code::kFatal, fmt::format("{}: can't be run: {}", program, std::strerror(error)));
  std::ofstream(path_of(file, ".pid")) << pid << "\n";
  env::real_clock().sleep_us(kMirrorLivesUs);
  if (mirror_runs(file)) return {};
  return fail(Code::kFatal, fmt::format("the mirror of {} has ended; {} says why", file, log));
}

Status ShellHands::end_mirror(const std::string& file) {
  const int number = process_of(file);
  if (number == 0) return {};
  tell("  ending the mirror of " + file);
  ::kill(number, SIGTERM);
  const env::TimeUs until = env::real_clock().monotonic_us() + kMirrorEndsUs;
  while (mirror_runs(file)) {
    if (env::real_clock().monotonic_us() > until)
      return fail(Code::kFatal, fmt::format("the mirror of {} (process {}) does not end", file, number));
    env::real_clock().sleep_us(kChildLookUs);
  }
  return {};
}

// The command has the step's words in its environment and not in its text: they have names of topics in them.
fleet::Answer ShellHands::ask(const fleet::RunbookStep& step, bool going_back) {
  const std::string& what = going_back ? step.way_back : step.what;
  if (going_back) tell("  way back of \"" + step.what + "\": " + what);
  if (!options_.people.empty()) {
    ::setenv("FRESHET_STEP", what.c_str(), 1);
    ::setenv("FRESHET_GOING_BACK", going_back ? "1" : "0", 1);
    const auto status = run(options_.people);
    if (!status || *status != 0) return fleet::Answer::kStop;
    return going_back ? fleet::Answer::kBack : fleet::Answer::kDone;
  }
  if (isatty(STDIN_FILENO) != 1) {
    tell("  nobody can be asked here: --people names a command that does what people do");
    return fleet::Answer::kStop;
  }
  const char* const question = going_back
                                   ? "Is that done, or shall it be (mirrors end by themselves)? [y]es, anything else"
                                   : "Is that done? [y]es, [b]ack, anything else";
  fmt::print(stderr, "  {} stops: ", question);
  char line[64];
  if (std::fgets(line, sizeof line, stdin) == nullptr) return fleet::Answer::kStop;
  if (line[0] == 'y') return going_back ? fleet::Answer::kBack : fleet::Answer::kDone;
  return line[0] == 'b' && !going_back ? fleet::Answer::kBack : fleet::Answer::kStop;
}

}  // namespace freshet::app
