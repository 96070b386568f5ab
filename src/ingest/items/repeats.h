// Items of one request that have one message id. Action counts a message id once, so of two that say different things
// the second would be gone without a word: it is refused here instead, told to its sender and kept whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "freshet/v1/envelope.pb.h"

namespace freshet::ingest {

// A table of the ids of a request's envelopes, which knows nearly all of them: who sends ids that collide on purpose is
// not looked after for ever. What it does not find is only not told.
class RepeatFinder {
 public:
  // The one of `taken` that has the id and the first identifier of `envelope` and says something else; nullopt: there
  // is none. Of what says the same one is enough. Times don't count: a library may stamp what it sends again.
  [[nodiscard]] std::optional<size_t> other_with_id(const std::vector<v1::Envelope*>& taken,
                                                    const v1::Envelope& envelope) const;
  // Remembers the last of them. REQUIRES: there is one.
  void add(const std::vector<v1::Envelope*>& taken);

 private:
  void insert(const std::vector<v1::Envelope*>& taken, size_t index);

  std::vector<uint32_t> slots_;  // of each place the index of an envelope and one more; 0: free. A power of two
  size_t used_ = 0;
};

}  // namespace freshet::ingest
