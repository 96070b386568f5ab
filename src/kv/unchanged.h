// Opening a store whose files are read once and thrown away.
#pragma once

#include <memory>

#include "base/result.h"
#include "kv/store.h"

namespace freshet::kv {

// As open_rocks(), but nothing is compacted: whoever reads all of it once does not wait for that, nor shares processors
// and disk with it. REQUIRES: nothing is written to it.
[[nodiscard]] Result<std::unique_ptr<Store>> open_rocks_unchanged(const Options& options);

}  // namespace freshet::kv
