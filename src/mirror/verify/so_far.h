// How far two sides were compared and found the same, so that the next look goes on there (docs/mirror.md).
//
// The cut: of each partition of the source a place, below which all was promised and was in the target; of each
// partition of the target its end at that look. What the target had beyond what was promised is told by unit, as it
// belongs to what the source has behind the cut. Format (docs/format/verify.md): a JSON object.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mirror/verify/compare.h"

namespace freshet::mirror {

struct VerifiedTopic {
  std::string to;
  std::string rules;  // a hash of all that decides what the target must have: with others nothing was verified
  std::vector<int64_t> source, target;
  std::vector<Ahead> ahead;
  uint64_t promised = 0;   // records below the cut
  uint64_t in_target = 0;  // of them
  bool operator==(const VerifiedTopic&) const = default;
};

struct VerifiedSoFar {
  std::string mirror;
  int64_t from_ms = 0;
  std::map<std::string, VerifiedTopic> topics;  // by their name in the source
  bool operator==(const VerifiedSoFar&) const = default;
};

[[nodiscard]] std::string encode(const VerifiedSoFar& so_far);
// kCorrupt: it is none.
[[nodiscard]] Result<VerifiedSoFar> decode_verified(std::string_view text);

}  // namespace freshet::mirror
