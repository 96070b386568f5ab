// A Store in memory, for tests and the simulator: what was not flushed or synced is lost when the process "dies".
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kv/store.h"

namespace freshet::kv {

// What survives a crash. Shared by the stores that are opened on it one after the other.
struct MemoryDisk {
  using Write = std::vector<std::pair<std::string, std::optional<std::string>>>;  // nullopt: removed

  std::mutex mutex;
  std::map<std::string, std::string, std::less<>> rows;
  std::deque<Write> unsynced;  // batches that are not in rows yet, oldest first; lost when a store is opened

  // The first `count` of them become durable, as a crash may find them: batches do so whole and in their order.
  void keep(size_t count);
};

// Opens on what the disk has. Merges need options.merge. Everything before a kSynced write, sync() or flush() is on
// disk.
[[nodiscard]] std::unique_ptr<Store> open_memory(std::shared_ptr<MemoryDisk> disk, const Options& options);

}  // namespace freshet::kv
