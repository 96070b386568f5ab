#include "env/descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/assert.h"

namespace freshet::env {

Descriptor::Descriptor(const std::string& path, int flags, unsigned mode)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}

Descriptor::~Descriptor() {
  if (fd_ < 0) return;
  const int before = errno;
  ::close(fd_);
  errno = before;
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
