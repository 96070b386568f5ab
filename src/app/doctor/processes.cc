#include "app/doctor/processes.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "env/file.h"

namespace freshet::app {
namespace {

namespace fs = std::filesystem;

// The inodes of the sockets that listen on the port (proc_pid_net(5): a state of 0A, the port in hexadecimal digits).
void add_listeners(const std::string& table, uint16_t port, std::set<std::string>& inodes) {
  std::istringstream lines(text_of_file(table));
  const std::string wanted = fmt::format(":{:04X}", port);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string slot, local, remote, state, skipped, inode;
    words >> slot >> local >> remote >> state;
    for (int i = 0; i < 5; ++i) words >> skipped;
    if (words >> inode && state == "0A" && local.ends_with(wanted)) inodes.insert(inode);
  }
}

}  // namespace

std::string text_of_file(const std::string& path) { return env::read_file(path).value_or(""); }

// A line of /proc/locks is "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF".
int holder_of(const std::string& data_dir) {
  struct stat lock{};
  if (::stat((data_dir + "/lock").c_str(), &lock) != 0) return 0;
  const std::string wanted = fmt::format("{:02x}:{:02x}:{}", major(lock.st_dev), minor(lock.st_dev), lock.st_ino);
  std::istringstream lines(text_of_file("/proc/locks"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, kind, mode, access, file;
    int process = 0;
    // One that waits for a lock has an arrow before its kind, and does not match.
    if (words >> number >> kind >> mode >> access >> process >> file && kind == "FLOCK" && file == wanted)
      return process;
  }
  return 0;
}

bool listens(int process, uint16_t port) {
  const std::string home = fmt::format("/proc/{}", process);
  std::set<std::string> inodes;
  add_listeners(home + "/net/tcp", port, inodes);
  add_listeners(home + "/net/tcp6", port, inodes);
  std::error_code error;
  for (auto at = fs::directory_iterator(home + "/fd", error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    std::error_code unreadable;
    const std::string target = fs::read_symlink(at->path(), unreadable).string();
    if (!target.starts_with("socket:[")) continue;
    if (inodes.contains(target.substr(8, target.size() - 9))) return true;
  }
  return false;
}

std::optional<uint64_t> limit_of(int process, const std::string& name) {
  std::istringstream lines(text_of_file(fmt::format("/proc/{}/limits", process)));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    std::istringstream words(line.substr(name.size()));
    std::string soft, hard;
    words >> soft >> hard;
    return hard == "unlimited" ? UINT64_MAX : std::strtoull(hard.c_str(), nullptr, 10);
  }
  return std::nullopt;
}

}  // namespace freshet::app
