// Which messages a partition has seen: at least those of the last 24 hours by received_at. A client that got no answer
// sends its request again, and without this its purchase would be counted twice.
//
// One row per message, under the span of 4 hours in which it was first seen: 's', span:u32 big-endian, hash -> empty.
// So new rows never lie among old ones, which the store therefore never writes again, and a span that is over goes as
// whole files. A look-up asks those of the live spans, at most seven, whose filters (ids/span_filters.h) don't rule the
// message out: for nearly all messages none of them.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "freshet/v1/state.pb.h"
#include "kv/store.h"
#include "state/ids/span_filters.h"

namespace freshet::state {

inline constexpr int64_t kSeenSpanUs = 4 * 3'600'000'000LL;
inline constexpr int64_t kDedupWindowUs = 24 * 3'600'000'000LL;
// A clock that would move by more than this waits until so many records in a row confirm it.
inline constexpr int64_t kDedupJumpUs = 5 * 60'000'000LL;
inline constexpr uint32_t kDedupJumpRecords = 1000;

class SeenMessages {
 public:
  // Both outlive it; the clock of the window is kept in `meta`. Filters take filter_bytes_max at most.
  SeenMessages(kv::Store& store, v1::PartitionMeta& meta, size_t filter_bytes_max)
      : store_(store), meta_(meta), filters_(filter_bytes_max) {}
  // Called once, when `meta` is what the store has.
  void opened();

  // Asks the store for all of them at once: only speeds up the next first_sight() of each.
  [[nodiscard]] Status prefetch(std::span<const Hash128> messages);
  // True if the message was not seen within the window: it is now.
  [[nodiscard]] Result<bool> first_sight(const Hash128& message, int64_t received_at_us);
  // Whether it was seen within the window. It asks the rows of each span and notes nothing: for who looks.
  [[nodiscard]] Result<bool> was_seen(const Hash128& message) const;

  // begin_persist() fixes what a persist writes. put_rows() writes it, on any thread. When it is in the store,
  // gather_filters() reads some of the older rows, on any thread, too. end_persist() says that the store has it now.
  void begin_persist();
  void put_rows(kv::SortedRows& rows) const;
  [[nodiscard]] Status gather_filters() { return filters_.gather(store_); }
  void end_persist();
  // Forgets what no persist has written.
  void drop();

  [[nodiscard]] uint32_t lowest_span() const;  // rows of lower ones mean nothing any more
  [[nodiscard]] const SpanFilters& filters() const { return filters_; }

 private:
  [[nodiscard]] Status look_up(std::span<const Hash128> messages);
  void move_clock(int64_t received_at_us);
  [[nodiscard]] uint32_t first_live_span() const;

  kv::Store& store_;
  v1::PartitionMeta& meta_;
  using Spans = absl::flat_hash_map<Hash128, uint32_t, Hash128Hasher>;
  Spans fresh_;       // message -> span: since the last persist began
  Spans flying_;      // written by the persist under way
  Spans prefetched_;  // what the store says of those that it was asked for; 0: not there
  SpanFilters filters_;
};

// The span in which a clock is.
[[nodiscard]] uint32_t seen_span_of(int64_t time_us);
// The first span that still lies in the window of meta's clock.
[[nodiscard]] uint32_t lowest_seen_span(const v1::PartitionMeta& meta);
[[nodiscard]] bool is_expired_seen_row(std::string_view key, uint32_t lowest_span);
// Where the rows of a span begin.
[[nodiscard]] std::string seen_rows_of(uint32_t span);
// nullopt: it is too short for a row of a message.
[[nodiscard]] std::optional<uint32_t> span_of_seen_row(std::string_view key);

}  // namespace freshet::state
