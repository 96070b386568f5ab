// Marks say where a source partition's offsets lie in the target, so that a group's offsets can be translated: what the
// partition has from `source` on is in each target partition at or above `target[t]`. A mark never says more than that,
// so a group that goes on from it misses nothing; what lies between is read again.
//
// The mirror makes one every Config::offset_sync_us, between two transactions, where something has changed on either
// side, and writes it with the next one into the progress topic's partition of the same number. That topic is
// compacted: a mark's key is one of kMarkSlots on one of three levels, which are a mark, 64 and 4,096 marks apart: so
// at one in five seconds those of 40 minutes, 45 hours and 120 days are kept.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freshet::mirror {

inline constexpr uint64_t kMarkSlots = 512;  // of a level

struct Mark {
  int64_t source = 0;
  std::vector<int64_t> target;  // by target partition
  int64_t made_ms = 0;
  bool operator==(const Mark&) const = default;
};

// JSON: {"source":…,"target":[…],"made_ms":…}
[[nodiscard]] std::string encode(const Mark& mark);
// kCorrupt: it is none.
[[nodiscard]] Result<Mark> decode_mark(std::string_view text);
// The key of the mark that is number `count` of its partition, where the one before was number `last`.
[[nodiscard]] std::string mark_key(uint64_t count, uint64_t last);

// Those of one source partition.
class Marks {
 public:
  void add(Mark mark);
  // The last one at or below `offset`. Null: none is so old, and only the beginning of the target is safe.
  [[nodiscard]] const Mark* before(int64_t offset) const;
  [[nodiscard]] size_t size() const { return by_source_.size(); }

 private:
  std::map<int64_t, Mark> by_source_;
};

// Where a group goes on in each partition of the target, given what it has committed of each of the source
// (`committed[p]`; of one of which it has committed nothing: where that begins). Never ahead of any of them. nullopt:
// from the beginning, as there is no mark that is old enough.
//   one_to_one: target partition p has what the source's p has, and nothing else.
[[nodiscard]] std::vector<std::optional<int64_t>> translate(const std::vector<Marks>& marks,
                                                            const std::vector<int64_t>& committed,
                                                            size_t target_partitions, bool one_to_one);

}  // namespace freshet::mirror
