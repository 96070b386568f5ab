// Files of a store that is not open, or of a snapshot of one, looked through for damage.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace freshet::kv {

// Reads a file of rows or of values to its end and compares its checksums; any other file of a store is passed over.
// `bytes` is how long it is, and it does not change meanwhile. kCorrupt: it is damaged, and which one.
[[nodiscard]] Status check_file(const std::string& path, uint64_t bytes);

}  // namespace freshet::kv
