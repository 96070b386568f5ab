// How far the rows of a store are synced, in a small file beside its directory (DIRECTORY.synced): so that a store
// which comes back with fewer is noticed, whatever has become of its files. It is overwritten in place after each sync
// and not synced itself: a process that is killed leaves the last one, a machine without power that one or an older
// one, and neither says more than is on the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"

namespace freshet::kv {

// Thread-safe.
class SyncedNote {
 public:
  [[nodiscard]] static std::string path_of(const std::string& directory) { return directory + ".synced"; }
  // What the last note says. nullopt: there is none. kCorrupt: it was damaged.
  [[nodiscard]] static Result<std::optional<uint64_t>> read(const std::string& directory);
  // Makes the file anew with this number.
  [[nodiscard]] static Result<std::unique_ptr<SyncedNote>> make(const std::string& directory, uint64_t synced);
  ~SyncedNote();
  SyncedNote(const SyncedNote&) = delete;
  SyncedNote& operator=(const SyncedNote&) = delete;

  // The rows up to this one are synced. A lower number than before changes nothing.
  [[nodiscard]] Status raise(uint64_t synced);

 private:
  SyncedNote(std::string path, int file, uint64_t synced) : path_(std::move(path)), file_(file), synced_(synced) {}

  const std::string path_;
  const int file_;
  std::mutex mutex_;
  uint64_t synced_;
};

}  // namespace freshet::kv
