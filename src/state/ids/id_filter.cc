// An id is a hash already: its first word chooses the block, its second one the bits. The last four bytes are the home
// of the routing identifier, which a person's messages share, so they say little and are left out.
#include "state/ids/id_filter.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"

namespace freshet::state {
namespace {

constexpr size_t kIdsOfABlock = 51;  // ten bits each
// Small parts have half as many: there may be some of them, and each adds its own mistakes.
constexpr size_t kLargePart = 1u << 20;
constexpr size_t kSmallestPart = FRESHET_BOUND(1024, 32);
constexpr int kBits = 6;  // of a block for each id

// Bit numbers within a block, nine bits of hash each. The word that chose the block has bits left that this choice does
// not use: it looks at the upper half alone.
struct Bits {
  explicit Bits(const Hash128& id) : left((id.word(0) & 0xffffffffu) << 32 | (id.word(1) & 0xffffffffu)) {}
  unsigned next() {
    const auto bit = static_cast<unsigned>(left & 511);
    left >>= 9;
    return bit;
  }
  uint64_t left;
};

}  // namespace

IdFilter::Block& IdFilter::Part::block_of(const Hash128& id) const {
  return blocks[static_cast<uint32_t>((id.word(0) >> 32) * size >> 32)];
}

void IdFilter::grow() {
  const size_t room = std::max({parts_.empty() ? expected_ : 0, 2 * count_, kSmallestPart});
  const size_t ids_of_a_block = room < kLargePart ? kIdsOfABlock / 2 : kIdsOfABlock;
  Part part;
  part.size = static_cast<uint32_t>((room + ids_of_a_block - 1) / ids_of_a_block);
  part.room = part.size * ids_of_a_block;
  part.blocks = std::make_unique<Block[]>(part.size);
  bytes_ += part.size * sizeof(Block);
  parts_.push_back(std::move(part));
}

void IdFilter::add(const Hash128& id) {
  if (parts_.empty() || parts_.back().room == 0) grow();
  Part& part = parts_.back();
  FRESHET_ASSERT(part.room > 0);
  --part.room;
  ++count_;
  Block& block = part.block_of(id);
  Bits bits(id);
  for (int i = 0; i < kBits; ++i) {
    const unsigned bit = bits.next();
    block.words[bit / 64] |= uint64_t{1} << (bit % 64);
  }
}

bool IdFilter::may_have(const Hash128& id) const {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
    const Block& block = part.block_of(id);
    Bits bits(id);
    for (int i = 0; i < kBits; ++i) {
      const unsigned bit = bits.next();
      if ((block.words[bit / 64] & uint64_t{1} << (bit % 64)) == 0) return false;
    }
    return true;
  });
}

void IdFilter::prefetch(const Hash128& id) const {
  for (const Part& part : parts_) __builtin_prefetch(&part.block_of(id));
}

void IdFilter::take_over(IdFilter&& other) {
  // The part with most room left goes last: that is where the next ids are added.
  parts_.insert(parts_.end(), std::make_move_iterator(other.parts_.begin()),
                std::make_move_iterator(other.parts_.end()));
  std::ranges::sort(parts_, {}, &Part::room);
  count_ += std::exchange(other.count_, 0);
  bytes_ += std::exchange(other.bytes_, 0);
  other.parts_.clear();
}

}  // namespace freshet::state
