// Stores that nobody else has the rows of, opened though some are gone: freshet run --accept-loss.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "kv/store.h"

namespace freshet::app {

struct WhatIsLeft {
  std::unique_ptr<kv::Store> store;
  uint64_t lost_rows = 0;  // that were synced and are gone; at least 1 if any is
};

// The rows before the first one that is lost. If the store can't be opened, or not all of it can be read, that is
// none: then it is set aside, and an empty one begins.
[[nodiscard]] Result<WhatIsLeft> open_what_is_left(kv::Options options);
// Adds to the error of a store that is damaged how to go on without what is lost.
[[nodiscard]] Error with_way_on(Error error);

}  // namespace freshet::app
