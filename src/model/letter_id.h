// The id of a dead letter that is made of what it is about, so that a replay after a crash tells of it under the same
// id, and it is listed once. The time goes first, so that ids sort by it. Pure.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/hash.h"

namespace freshet::model {

// `of`: a hash of what tells the letter from all others that were received at this time.
[[nodiscard]] inline std::string letter_id(int64_t received_at_us, const Hash128& of) {
  return fmt::format("{:016x}-{}", std::max<int64_t>(received_at_us, 0), of.hex());
}

}  // namespace freshet::model
