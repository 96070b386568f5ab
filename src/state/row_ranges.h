// The keys of states cut into ranges, so that several threads can move the rows of all partitions to new states
// (state/repartition.h) and nothing has to be sorted again later: the rows of one range, of all old partitions, become
// files that overlap with those of no other range.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kv/store.h"

namespace freshet::state {

// Hashes are uniform, so their first four bytes, as a number below this, cut a kind of rows into even parts.
inline constexpr uint64_t kHashesEnd = uint64_t{1} << 32;

// Rows of one kind; of messages: of one span.
struct RowKind {
  char letter = 0;
  uint32_t span = 0;  // of messages, as the new states file it
  auto operator<=>(const RowKind&) const = default;
};

// Of one old partition, or of one new one.
struct KeyRange {
  std::string begin, end;
};

// The keys whose hash begins with [from, to). `spans_later`: of the partition that they are read from, 0 for where they
// go. REQUIRES: a span is not below that.
[[nodiscard]] KeyRange keys_of(RowKind kind, uint64_t from, uint64_t to, uint32_t spans_later);

// What is not of these kinds: between them, before and behind. Nothing but the meta row may be there.
[[nodiscard]] std::vector<KeyRange> keys_between_kinds();

// The spans, as they are filed there, of the messages that a state has, from `lowest` on.
[[nodiscard]] Result<std::vector<uint32_t>> spans_in(kv::Store& store, uint32_t lowest);

}  // namespace freshet::state
