// How far the rows of a store are synced, and how long its manifest has become, in a small file beside its directory
// (DIRECTORY.synced): so that a store which comes back with less is noticed, whatever has become of its files. It is
// overwritten in place after each sync and not synced itself: a process that is killed leaves the last one, a machine
// without power that one or an older one, and neither says more than is on the disk.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "env/file.h"

namespace freshet::kv {

// RocksDB's list of its files: MANIFEST-000012. A store makes a new one, with a higher number, when it is opened.
struct Manifest {
  uint64_t number = 0;
  uint64_t bytes = 0;
  [[nodiscard]] auto operator<=>(const Manifest&) const = default;
};
// The one that CURRENT names; nullopt: none, or it can't be read.
[[nodiscard]] std::optional<Manifest> manifest_of(const std::string& directory);

struct Noted {
  uint64_t synced = 0;  // the last row that is
  Manifest manifest;
};

// Thread-safe.
class SyncedNote {
 public:
  [[nodiscard]] static std::string path_of(const std::string& directory) { return directory + ".synced"; }
  // What the last note says. nullopt: there is none. kCorrupt: it was damaged.
  [[nodiscard]] static Result<std::optional<Noted>> read(const std::string& directory);
  // Makes the file anew.
  [[nodiscard]] static Result<std::unique_ptr<SyncedNote>> make(const std::string& directory, const Noted& noted);
  SyncedNote(const SyncedNote&) = delete;
  SyncedNote& operator=(const SyncedNote&) = delete;

  // The rows up to this one are synced. A lower number than before changes nothing.
  [[nodiscard]] Status raise(uint64_t synced);
  [[nodiscard]] Status raise(const Manifest& manifest);

 private:
  SyncedNote(std::string path, env::Descriptor file, const Noted& noted)
      : path_(std::move(path)), file_(std::move(file)), noted_(noted) {}
  [[nodiscard]] Status write();

  const std::string path_;
  const env::Descriptor file_;
  std::mutex mutex_;
  Noted noted_;
};

}  // namespace freshet::kv
