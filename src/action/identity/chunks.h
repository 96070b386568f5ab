// The state of a leaving entity, cut into chunks for `absorb`. Its lists, one after the other and identifiers first,
// are counted through as elements; an element of a set, or of the values of a computed attribute, is one too. So
// whatever the size of a profile, a chunk takes bounded work, and a number says where the next one begins.
#pragma once

#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

inline constexpr size_t kChunkBytesMax = 64u << 10;  // a single larger element makes a chunk of its own

struct Cut {
  uint64_t next = 0;  // the first element that is not in the chunk
  bool last = false;
};

// Fills `chunk`, which is empty, from element `from` on. REQUIRES: `state` is unpacked, and `from` is 0 or what the Cut
// before says. The first one has the entity's ref, by which it is known, and its times; the last one has the number of
// messages, so that nobody counts them twice while a merge is under way.
[[nodiscard]] Cut cut_chunk(const v1::EntityState& state, uint64_t from, size_t bytes_max, v1::EntityState& chunk);

}  // namespace freshet::action
