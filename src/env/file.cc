#include "env/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/assert.h"

namespace freshet::env {
namespace {

constexpr size_t kReadBytes = 64u << 10;

}  // namespace

Descriptor::Descriptor(const std::string& path, int flags, unsigned mode)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}

Descriptor::~Descriptor() {
  if (fd_ < 0) return;
  const int before = errno;
  ::close(fd_);
  errno = before;
}

std::optional<std::string> read_file(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.is_open()) return std::nullopt;
  std::string out;
  // Those of /proc and pipes do not say how large they are.
  for (size_t used = 0;; out.resize(used)) {
    out.resize(used + kReadBytes);
    const ssize_t got = ::read(file.get(), out.data() + used, kReadBytes);
    if (got < 0 && errno != EINTR) return std::nullopt;
    if (got == 0) {
      out.resize(used);
      return out;
    }
    if (got > 0) used += static_cast<size_t>(got);
  }
}

bool write_all(const Descriptor& file, std::string_view bytes) {
  FRESHET_ASSERT(file.is_open());
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file.get(), bytes.data(), bytes.size());
    if (wrote < 0 && errno != EINTR) return false;
    if (wrote > 0) bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return true;
}

bool sync_directory(const std::string& path) {
  const Descriptor directory(path, O_RDONLY | O_DIRECTORY);
  return directory.is_open() && ::fsync(directory.get()) == 0;
}

}  // namespace freshet::env
