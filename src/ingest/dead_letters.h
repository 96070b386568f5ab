// What was rejected, as it is kept: docs/operations/admin.md shows, corrects and replays it.
#pragma once

#include <string_view>
#include <vector>

#include "env/clock.h"
#include "freshet/v1/event.pb.h"
#include "ingest/items/parsed.h"

namespace freshet::ingest {

// Where rejected items came from.
struct LetterOrigin {
  std::string_view tenant;
  std::string_view source;
  std::string_view endpoint;
  int64_t received_at_us = 0;
  model::KeyScope scope = model::KeyScope::kWrite;
};

// An id is the hex of 8 bytes of received_at (big-endian) and 8 random bytes, so letters sort by time.
[[nodiscard]] std::vector<v1::DeadLetter> dead_letters_of(const std::vector<Rejection>& rejected,
                                                          const LetterOrigin& origin, env::Random& random);

}  // namespace freshet::ingest
