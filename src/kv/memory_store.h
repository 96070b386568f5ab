// A Store in memory, for tests and the simulator: what was not flushed or synced is lost when the process "dies".
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "kv/store.h"

namespace freshet::kv {

// What survives a crash. Shared by the stores that are opened on it one after the other.
struct MemoryDisk {
  std::mutex mutex;
  std::map<std::string, std::string, std::less<>> rows;
};

// Opens on what the disk has. Merges need options.merge. Everything before a kSynced write, sync() or flush() is on disk.
[[nodiscard]] std::unique_ptr<Store> open_memory(std::shared_ptr<MemoryDisk> disk, const Options& options);

}  // namespace freshet::kv
