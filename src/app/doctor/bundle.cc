// What goes out is chosen here file by file, and nothing is taken because it happens to lie somewhere: a bundle is sent
// to strangers by somebody in a hurry, who will not look through it.
#include "app/doctor/bundle.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "app/doctor/masked_config.h"
#include "app/doctor/name_mask.h"
#include "app/doctor/processes.h"
#include "app/doctor/report.h"
#include "app/doctor/server_answers.h"
#include "app/installation.h"
#include "base/version.h"
#include "http/text.h"
#include "model/time.h"

namespace freshet::app {
namespace {

namespace fs = std::filesystem;

constexpr size_t kListedMax = 50'000;
constexpr env::TimeUs kBetweenScrapesUs = 2'000'000;

constexpr std::string_view kReadMe =
    "What `freshet doctor --bundle` gathered: the version, what the doctor found, the configuration with its secrets\n"
    "and its tenants masked, what the machine is, which files there are in the data directory (names and sizes), and\n"
    "the status and the counters of the Freshet that ran, twice. Names of tenants and sinks are numbers. There are no\n"
    "records, no values of identifiers or attributes, and no log lines in it. Look before you send it.\n";

std::string version_text() {
  const Release release = this_release();
  return fmt::format("freshet {} (commit {})\nstate format {}, logic version {}\n", version(), commit(),
                     release.state_format, release.logic_version);
}

std::string machine_text(const Subject& subject) {
  std::string out = fmt::format("at: {}\n", model::format_time(subject.clock->now_us()));
  for (const char* file : {"/proc/version", "/etc/os-release", "/proc/loadavg", "/proc/uptime", "/proc/meminfo",
                           "/proc/sys/vm/overcommit_memory", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/cpu.max",
                           "/proc/pressure/io", "/proc/pressure/memory", "/proc/pressure/cpu"})
    out += fmt::format("== {}\n{}\n", file, text_of_file(file));
  if (subject.server == 0) return out;
  for (const char* file : {"limits", "status", "io", "cgroup"}) {
    const std::string path = fmt::format("/proc/{}/{}", subject.server, file);
    out += fmt::format("== {}\n{}\n", path, text_of_file(path));
  }
  return out;
}

// "BYTES  MODE  PATH" of each file; our own names only.
std::string listing(const std::string& data_dir, NameMask& mask) {
  std::string out;
  std::error_code error;
  size_t count = 0;
  for (auto at = fs::recursive_directory_iterator(data_dir, fs::directory_options::skip_permission_denied, error);
       !error && at != fs::recursive_directory_iterator() && count < kListedMax; at.increment(error)) {
    std::error_code gone;  // Compactions go on.
    if (!at->is_regular_file(gone) || gone) continue;
    const uint64_t bytes = at->file_size(gone);
    const auto mode = static_cast<unsigned>(at->status(gone).permissions());
    const std::string path = mask.in_path(fs::relative(at->path(), data_dir, gone).string());
    out += fmt::format("{:>14}  {:o}  {}\n", bytes, mode, path);
    ++count;
  }
  return out + fmt::format("{} files{}\n", count, count == kListedMax ? ", and more that are not shown" : "");
}

std::string config_text(const Subject& subject) {
  if (subject.config_file.empty()) return "# the built-in configuration\n";
  const auto masked = masked_config(text_of_file(subject.config_file));
  return masked ? *masked : "# " + masked.error().message + "\n";
}

void add_answer(const Subject& subject, const std::string& path, const std::string& name, NameMask& mask,
                std::vector<ArchiveFile>& files) {
  const auto answer = ask_server(subject.admin, path);
  files.push_back({name, answer ? mask.in_answer(*answer) : "# " + answer.error().message + "\n"});
}

std::vector<Finding> masked(std::vector<Finding> findings, const NameMask& mask) {
  for (Finding& finding : findings) {
    finding.found = mask.in_sentence(finding.found);
    finding.advice = mask.in_sentence(finding.advice);
  }
  return findings;
}

}  // namespace

// Counters are asked for twice: one look says how much there was, two say whether it goes on.
std::vector<ArchiveFile> bundle_files(const Subject& subject, const std::vector<Finding>& findings) {
  std::vector<ArchiveFile> files;
  NameMask mask(subject.config.tenants);
  files.push_back({"README.txt", std::string(kReadMe)});
  files.push_back({"version.txt", version_text()});
  files.push_back({"doctor.json", doctor_json(masked(findings, mask)) + "\n"});
  files.push_back({"config.yaml", config_text(subject)});
  files.push_back({"machine.txt", machine_text(subject)});
  files.push_back({"files.txt", listing(subject.config.data_dir, mask)});
  add_answer(subject, "/v1/status", "status.json", mask, files);
  add_answer(subject, "/metrics", "metrics.txt", mask, files);
  if (files.back().content.starts_with("# HELP")) {
    subject.clock->sleep_us(kBetweenScrapesUs);
    add_answer(subject, "/metrics", "metrics-later.txt", mask, files);
  }
  const std::string folder = "freshet-support/";
  for (ArchiveFile& file : files) file.name = folder + file.name;
  return files;
}

Status write_bundle(const Subject& subject, const std::vector<Finding>& findings, const std::string& path) {
  return write_new_file(path,
                        http::gzip(make_tar(bundle_files(subject, findings), subject.clock->now_us() / 1'000'000)));
}

}  // namespace freshet::app
