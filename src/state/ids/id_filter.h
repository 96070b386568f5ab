// Says of an id that it was surely not added, at ten bits of memory an id and one cache line a look-up, if it was known
// how many there would be. It may be wrong the other way (about one in eighty ids that were never added look as if they
// were), so a "maybe" is a reason to ask the rows themselves, and nothing that is decided depends on it.
//
// A Bloom filter in blocks of a cache line (Putze, Sanders, Singler 2007). When it is full it grows by a part with room
// for twice as many as it has, as an id can't be got out of a filter again to be put into a larger one. Used by one
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/hash.h"

namespace freshet::state {

class IdFilter {
 public:
  // expected: how many ids the first part has room for; more of them make it grow.
  explicit IdFilter(size_t expected = 0) : expected_(expected) {}

  void add(const Hash128& id);
  [[nodiscard]] bool may_have(const Hash128& id) const;
  // Fetches what may_have(id) will look at into the processor's cache.
  void prefetch(const Hash128& id) const;
  // It has what the other one had, too.
  void take_over(IdFilter&& other);

  [[nodiscard]] size_t count() const { return count_; }  // ids that were added, each as often as it was
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  struct alignas(64) Block {
    std::array<uint64_t, 8> words{};
  };
  struct Part {
    std::unique_ptr<Block[]> blocks;
    uint32_t size = 0;  // blocks
    size_t room = 0;    // ids that may still be added
    [[nodiscard]] Block& block_of(const Hash128& id) const;
  };
  void grow();

  size_t expected_;
  size_t count_ = 0;
  size_t bytes_ = 0;
  std::vector<Part> parts_;  // ids are added to the last one
};

}  // namespace freshet::state
