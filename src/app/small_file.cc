#include "app/small_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "kv/crc32c.h"

namespace freshet::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSumKey = "crc32c: ";
constexpr size_t kSumLineBytes = 8 + 8 + 1;

std::string sum_line(std::string_view text) { return fmt::format("{}{:08x}\n", kSumKey, kv::crc32c(text)); }

Error small_file_error(const std::string& path, const char* what) {
  return {Code::kFatal, fmt::format("{}: can't {}: {}", path, what, std::strerror(errno))};
}

// The name of a file is in its directory, so that is synced too.
void sync_directory_of(const std::string& path) {
  const std::string directory = fs::path(path).parent_path().string();
  const int opened = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return;
  ::fsync(opened);
  ::close(opened);
}

}  // namespace

// Beside it, then renamed, both synced.
Status write_small_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  const std::string whole = sum_line(text) + std::string(text);
  const int file = ::open(beside.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return tl::unexpected(small_file_error(beside, "open"));
  const bool written =
      ::write(file, whole.data(), whole.size()) == static_cast<ssize_t>(whole.size()) && ::fsync(file) == 0;
  ::close(file);
  if (!written || ::rename(beside.c_str(), path.c_str()) != 0) return tl::unexpected(small_file_error(path, "write"));
  sync_directory_of(path);
  return {};
}

Result<std::optional<SmallFile>> read_small_file(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  if (!fs::is_regular_file(path, error)) return fail(Code::kCorrupt, path + ": is not a file");
  std::ifstream in(path, std::ios::binary);
  if (!in) return tl::unexpected(small_file_error(path, "read"));
  SmallFile file;
  file.text.assign(std::istreambuf_iterator<char>(in), {});
  if (!file.text.starts_with(kSumKey)) return file;
  const std::string line = file.text.substr(0, kSumLineBytes);
  file.text.erase(0, line.size());
  file.checked = true;
  if (line == sum_line(file.text)) return file;
  return fail(Code::kCorrupt, path + ": is damaged, its checksum does not fit");
}

Status remove_small_file(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return fail(Code::kFatal, fmt::format("{}: can't be removed: {}", path, error.message()));
  sync_directory_of(path);
  return {};
}

}  // namespace freshet::app
