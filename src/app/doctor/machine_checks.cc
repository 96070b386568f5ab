// What this machine has for a Freshet: its disk, files, memory and clock.
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <thread>
#include <utility>

#include "app/doctor/checks.h"
#include "app/doctor/processes.h"
#include "app/installation.h"
#include "app/open_files.h"
#include "base/saturated.h"

namespace freshet::app {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kGiB = 1ull << 30;
// The embedded log alone takes some of it ahead, and a compaction needs room for what it writes anew.
constexpr uint64_t kDiskMin = kGiB;
constexpr uint64_t kDiskWarnPercent = 10;
// Beside state.memory: requests, what is read ahead, threads, librdkafka.
constexpr uint64_t kOwnMemory = 512ull << 20;
constexpr int64_t kMinuteUs = 60'000'000;
// Of 2025-01-01T00:00:00Z. This program is younger.
constexpr int64_t kBornUs = 1'735'689'600'000'000;

std::string size_text(uint64_t bytes) {
  if (bytes >= kGiB) return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
  return fmt::format("{} MiB", bytes >> 20);
}

// The directory, or the one above it that is there and in which it would be made.
std::string nearest_of(const std::string& directory) {
  std::error_code error;
  fs::path at = fs::absolute(directory, error).lexically_normal();
  while (!fs::exists(at, error) && at.has_parent_path() && at != at.root_path()) at = at.parent_path();
  return (at / "").parent_path().string();
}

// File systems by the numbers of statfs(2), with what is to be known of each; "": it is fine.
struct FileSystem {
  int64_t magic;
  std::string_view name;
  std::string_view trouble;
};
constexpr FileSystem kFileSystems[] = {
    {0x01021994, "tmpfs", "it is memory, and empty after a restart of the machine"},
    {0x858458f6, "ramfs", "it is memory, and empty after a restart of the machine"},
    {0x794c7630, "overlayfs", "it is the container's own layer, and goes with the container"},
    {0x6969, "nfs", "locks and syncs of network file systems are not to be relied on"},
    {0xff534d42, "cifs", "locks and syncs of network file systems are not to be relied on"},
    {0xfe534d42, "smb2", "locks and syncs of network file systems are not to be relied on"},
    {0x65735546, "fuse", "whether a sync reaches the disk depends on who serves it"},
    {0xef53, "ext4", ""},
    {0x58465342, "xfs", ""},
    {0x9123683e, "btrfs", ""},
    {0x2fc12fc1, "zfs", ""},
};

const FileSystem* file_system_of(const struct statfs& disk) {
  const auto magic = static_cast<int64_t>(static_cast<uint32_t>(disk.f_type));
  const auto* found = std::find_if(std::begin(kFileSystems), std::end(kFileSystems),
                                   [magic](const FileSystem& one) { return one.magic == magic; });
  return found == std::end(kFileSystems) ? nullptr : found;
}

uint64_t kib_of(const std::string& text, std::string_view name) {
  const size_t at = text.find(std::string(name) + ":");
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + name.size() + 1, nullptr, 10);
}

// The least that the control groups of a process allow (cgroup v2, v1); UINT64_MAX: they do not limit it.
uint64_t group_limit(int process) {
  uint64_t least = UINT64_MAX;
  const auto take = [&least](const std::string& text) {
    const uint64_t limit = std::strtoull(text.c_str(), nullptr, 10);
    // "max" is no number, and v1 says "unlimited" by a number beyond all memory.
    if (limit > 0 && limit < (1ull << 60)) least = std::min(least, limit);
  };
  std::istringstream groups(text_of_file(process == 0 ? "/proc/self/cgroup" : fmt::format("/proc/{}/cgroup", process)));
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::")) continue;
    for (fs::path at = line.substr(3);; at = at.parent_path()) {
      take(text_of_file("/sys/fs/cgroup" + at.string() + "/memory.max"));
      if (!at.has_relative_path()) break;
    }
  }
  take(text_of_file("/sys/fs/cgroup/memory.max"));
  take(text_of_file("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
  return least;
}

// Whether the kernel says that somebody (NTP, PTP) keeps its clock.
bool clock_is_kept() {
  timex state{};
  const int answer = ::adjtimex(&state);
  return answer >= 0 && answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

// The newest time at which a file of the data directory was changed, or 0.
int64_t newest_file_us(const std::string& data_dir) {
  int64_t newest = 0;
  for (const char* name : {"/installation", "/log", "/profiles", "/state", "/imports"}) {
    struct stat file{};
    if (::stat((data_dir + name).c_str(), &file) == 0)
      newest = std::max<int64_t>(newest, int64_t{file.st_mtim.tv_sec} * 1'000'000);
  }
  return newest;
}

}  // namespace

void look_at_data_dir(const Subject& subject, Findings& out) {
  const std::string& directory = subject.config.data_dir;
  std::error_code error;
  if (!fs::exists(directory, error)) {
    const std::string above = nearest_of(directory);
    if (::access(above.c_str(), W_OK | X_OK) != 0)
      return out.fail(fmt::format("{} is not there, and {} can't be written", directory, above),
                      "make it, and give it to the user that runs Freshet (chown)");
    return out.ok(fmt::format("{} is not there yet: the first start makes it", directory));
  }
  struct stat at{};
  if (::stat(directory.c_str(), &at) != 0 || !S_ISDIR(at.st_mode))
    return out.fail(directory + " is not a directory", "name another data_dir");
  if (::access(directory.c_str(), R_OK | W_OK | X_OK) != 0)
    return out.fail(
        fmt::format("{} belongs to user {}, and this one ({}) can't write it", directory, at.st_uid, ::geteuid()),
        "run doctor as the user that runs Freshet, or give it that directory (chown -R)");
  if (::geteuid() != 0 && at.st_uid != ::geteuid())
    out.warn(fmt::format("{} belongs to user {}, not to this one ({})", directory, at.st_uid, ::geteuid()),
             "let one user alone own it and run Freshet");
  if ((at.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    out.warn(
        fmt::format("others may look into {} (mode {:o}), where profiles and keys are", directory, at.st_mode & 0777),
        fmt::format("chmod 700 {}; Freshet does it itself at its next start", directory));
  const auto last = last_release(directory);
  if (!last) return out.fail(last.error().message, "restore it from a copy (docs/operations/damage.md)");
  if (!*last) return out.ok(fmt::format("{}: no Freshet has used it yet", directory));
  if (const Status readable = check_readable(directory, **last, this_release()); !readable)
    return out.fail(readable.error().message, "run that release or a newer one");
  out.ok(fmt::format("{}, last used by freshet {}", directory, (*last)->version.empty() ? "0.x" : (*last)->version));
}

void look_at_disk(const Subject& subject, Findings& out) {
  const std::string at = nearest_of(subject.config.data_dir);
  struct statfs disk{};
  if (::statfs(at.c_str(), &disk) != 0)
    return out.fail(fmt::format("{}: {}", at, std::strerror(errno)), "name a data_dir on a disk of this machine");
  const auto block = static_cast<uint64_t>(disk.f_frsize != 0 ? disk.f_frsize : disk.f_bsize);
  const uint64_t free = disk.f_bavail * block;
  const uint64_t all = std::max<uint64_t>(disk.f_blocks * block, 1);
  const std::string has = fmt::format("{}: {} of {} free", at, size_text(free), size_text(all));
  const FileSystem* const kind = file_system_of(disk);
  if (free < kDiskMin) {
    out.fail(has, fmt::format("make room: at less than {} the next compaction may fill it, and then Freshet stops",
                              size_text(kDiskMin)));
  } else if (free / (all / 100 + 1) < kDiskWarnPercent) {
    out.warn(has, "make room, or shorten retention: what is kept grows with what comes in");
  } else {
    out.ok(has);
  }
  if (disk.f_files > 0 && disk.f_ffree < 10'000)
    out.warn(fmt::format("{}: {} more files may be made", at, disk.f_ffree), "make room: each store has many files");
  if (kind != nullptr && !kind->trouble.empty())
    out.warn(fmt::format("{} is on {}: {}", at, kind->name, kind->trouble),
             "put data_dir on a disk of its own (ext4 or xfs)");
}

void look_at_open_files(const Subject& subject, Findings& out) {
  uint64_t limit = raise_open_files();
  if (subject.server != 0) limit = limit_of(subject.server, "Max open files").value_or(limit);
  Config fitted = subject.config;
  const std::string whose = subject.server != 0 ? fmt::format("of process {}", subject.server) : "of this shell";
  if (const Status fits = fit_open_files(fitted, limit, std::thread::hardware_concurrency()); !fits)
    return out.fail(fits.error().message, "LimitNOFILE=1048576 in the unit, or ulimit -n, before it starts");
  if (fitted.ingest.connections < subject.config.ingest.connections)
    return out.warn(fmt::format("the limit {} of {} leaves {} of {} ingest.connections", whose, limit,
                                fitted.ingest.connections, subject.config.ingest.connections),
                    "LimitNOFILE=1048576 in the unit, or ulimit -n, before it starts");
  out.ok(fmt::format("the limit {} is {}", whose, limit));
}

void look_at_memory(const Subject& subject, Findings& out) {
  const std::string machine = text_of_file("/proc/meminfo");
  const uint64_t physical = kib_of(machine, "MemTotal") << 10;
  const uint64_t group = group_limit(subject.server);
  const uint64_t there = std::min(physical == 0 ? UINT64_MAX : physical, group);
  const uint64_t wanted = subject.config.state.memory_bytes + kOwnMemory;
  const std::string has = fmt::format("state.memory is {}; {} has {}", size_text(subject.config.state.memory_bytes),
                                      group < physical ? "the control group" : "the machine", size_text(there));
  if (wanted > there) {
    out.fail(has, fmt::format("set state.memory to {} at most, or give it more: it would be killed under load",
                              size_text(there > kOwnMemory ? (there - kOwnMemory) / 4 * 3 : 64ull << 20)));
  } else if (wanted > there / 10 * 9) {
    out.warn(has, "leave a tenth to the page cache and to what runs beside it");
  } else {
    out.ok(has);
  }
  if (text_of_file("/proc/sys/vm/overcommit_memory").starts_with('2'))
    out.warn("vm.overcommit_memory is 2: memory that is only set aside counts as used",
             "sysctl vm.overcommit_memory=0, or raise vm.overcommit_ratio");
}

void look_at_clock(const Subject& subject, Findings& out) {
  const env::TimeUs now = subject.clock->now_us();
  if (now < kBornUs)
    return out.fail("the clock shows a time before this release was made", "set it, and keep it by NTP (chrony)");
  // A file of the future was written by this clock when it was ahead.
  if (const int64_t newest = newest_file_us(subject.config.data_dir); newest > now + kMinuteUs)
    out.warn(fmt::format("files of data_dir were changed {} s from now: the clock was ahead, or is behind",
                         (newest - now) / 1'000'000),
             "keep it by NTP (chrony); docs/operations/machine.md says what a jump does");
  if (!clock_is_kept())
    return out.warn("the kernel says that nobody keeps its clock", "run chrony or systemd-timesyncd on the machine");
  out.ok("it is kept (NTP)");
}

void compare_clocks(const Subject& subject, int64_t theirs_us, const std::string& whose, Findings& out) {
  const int64_t apart_us = saturated_difference(subject.clock->now_us(), theirs_us);
  // Times are told by the second, and the answer was on its way.
  if (magnitude(apart_us) <= 5'000'000) return;
  const std::string found = fmt::format("this machine's clock is {} s {} that of {}", magnitude(apart_us) / 1'000'000,
                                        apart_us > 0 ? "ahead of" : "behind", whose);
  const std::string advice = "keep both by NTP (chrony): received_at, retention and signatures follow the clock";
  std::abs(apart_us) > kMinuteUs ? out.fail(found, advice) : out.warn(found, advice);
}

}  // namespace freshet::app
