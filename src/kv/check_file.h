// Files of a store's snapshot, looked through for damage.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace freshet::kv {

// Reads a file of rows or of values to its end and compares its checksums; any other file of a store is passed over.
// `bytes` is how long it is. kCorrupt: it is damaged, and which one.
using FileCheck = std::function<Status(const std::string& path, uint64_t bytes)>;

// For the files of a snapshot (Store::snapshot_to), which stays while the check is used. What the store has noted of
// them is read when the first one is checked. One thread.
[[nodiscard]] FileCheck check_of_snapshot(const std::string& directory);

}  // namespace freshet::kv
