#include "app/small_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "env/file.h"
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

// A directory that can't be synced is no reason to take back what is written.
void sync_directory_of(const std::string& path) {
  const std::string directory = fs::path(path).parent_path().string();
  (void)env::sync_directory(directory.empty() ? "." : directory);
}

}  // namespace

// Beside it, then renamed, both synced.
Status write_small_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  const std::string whole = sum_line(text) + std::string(text);
  {
    const env::Descriptor file(beside, O_CREAT | O_TRUNC | O_WRONLY);
    if (!file.is_open()) return tl::unexpected(small_file_error(beside, "open"));
    if (!env::write_all(file, whole) || ::fsync(file.get()) != 0)
      return tl::unexpected(small_file_error(path, "write"));
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return tl::unexpected(small_file_error(path, "write"));
  sync_directory_of(path);
  return {};
}

Result<std::optional<SmallFile>> read_small_file(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  if (!fs::is_regular_file(path, error)) return fail(Code::kCorrupt, path + ": is not a file");
  auto text = env::read_file(path);
  if (!text) return tl::unexpected(small_file_error(path, "read"));
  SmallFile file;
  file.text = *std::move(text);
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
