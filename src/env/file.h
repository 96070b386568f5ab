// Files of the operating system: a descriptor that closes itself, and reading and writing whole files.
//
// What fails leaves its reason in errno: only the caller knows what the file is for, so he says what it means.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace freshet::env {

class Descriptor {
 public:
  // Opens the file as open(2) does, and keeps it from programs that this process starts. `mode`: of one that is made.
  Descriptor(const std::string& path, int flags, unsigned mode = 0600);
  // errno stays as it is.
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// All that is in the file. nullopt: it can't be read, as a directory can't.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path);

// However many writes it takes. False: not all of it was written.
[[nodiscard]] bool write_all(const Descriptor& file, std::string_view bytes);

// The name of a file stands in its directory: one that is new or was renamed may be gone after a loss of power until
// the directory is synced, too.
[[nodiscard]] bool sync_directory(const std::string& path);

}  // namespace freshet::env
