// The rows of seen messages, and the clock that decides how long they count. That clock is kept in the meta row and
// moved by the records themselves: a replay, at whatever hour, must take the same messages for repetitions as the
// first time.
#include "state/seen_messages.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/big_endian.h"
#include "base/mutant.h"
#include "state/row_keys.h"
#include "telemetry/metrics.h"

namespace freshet::state {
namespace {

constexpr size_t kSpanBytes = 4;

std::string row_key(uint32_t span, const Hash128& message) { return seen_rows_of(span).append(message.view()); }

// Hashes are evenly spread: by their first bits they come into small parts, each of which is sorted within the
// processor's cache. There is one for each record, so sorting all of them as one would be felt.
void sort_hashes(std::vector<Hash128>& hashes) {
  constexpr size_t kParts = 4096;
  if (hashes.size() < kParts) return std::sort(hashes.begin(), hashes.end());
  const auto part_of = [](const Hash128& h) { return size_t{h.bytes[0]} << 4 | size_t{h.bytes[1]} >> 4; };
  std::vector<size_t> next(kParts + 1);  // where the next one of a part goes
  for (const Hash128& h : hashes) ++next[part_of(h) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  std::vector<Hash128> sorted(hashes.size());
  for (const Hash128& h : hashes) sorted[next[part_of(h)]++] = h;
  auto begin = sorted.begin();
  for (size_t part = 0; part < kParts; ++part) {
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(next[part]);
    std::sort(begin, end);
    begin = end;
  }
  hashes = std::move(sorted);
}

telemetry::Counter& look_ups() {
  static telemetry::Counter& counter =
      telemetry::counter("freshet_seen_look_ups_total",
                         "Message ids that a span of rows was asked for, as no filter said that it has not seen them.");
  return counter;
}

}  // namespace

uint32_t seen_span_of(int64_t time_us) { return static_cast<uint32_t>(std::max<int64_t>(time_us, 0) / kSeenSpanUs); }

uint32_t lowest_seen_span(const v1::PartitionMeta& meta) {
  return seen_span_of(meta.highest_received_at_us() - kDedupWindowUs);
}

std::string seen_rows_of(uint32_t span) {
  std::string key = "s";
  append_big_endian(key, span);
  return key;
}

std::optional<uint32_t> span_of_seen_row(std::string_view key) {
  if (key.size() < 1 + kSpanBytes) return std::nullopt;
  return read_big_endian<uint32_t>(key.substr(1));
}

bool is_expired_seen_row(std::string_view key, uint32_t lowest_span) {
  return key.size() > 1 + kSpanBytes && key[0] == 's' && key < seen_rows_of(lowest_span);
}

uint32_t SeenMessages::lowest_span() const { return lowest_seen_span(meta_); }

uint32_t SeenMessages::first_live_span() const { return std::max(lowest_span(), meta_.seen_first_span()); }

Status SeenMessages::prefetch(std::span<const Hash128> messages) {
  prefetched_.clear();
  return look_up(messages);
}

void SeenMessages::opened() {
  filters_.begin(meta_.seen_first_span() == 0 ? 0 : std::max(seen_span_of(meta_.highest_received_at_us()), 1u) + 1);
}

// Asks span by span, the latest first: most repetitions come soon. A span is asked only for those of which its filter
// does not know better; one that has some is not asked in vain again for these; the spans from before the partition's
// first message are not asked at all.
Status SeenMessages::look_up(std::span<const Hash128> messages) {
  if (meta_.seen_first_span() == 0) return {};
  FRESHET_ASSERT(first_live_span() >= 1);  // The loop below counts down to it.
  RowKeys keys;
  std::vector<Hash128> asked;
  for (uint32_t span = seen_span_of(meta_.highest_received_at_us()); span >= first_live_span(); --span) {
    asked.assign(messages.begin(), messages.end());
    filters_.keep_possible(span, asked);
    std::erase_if(asked, [this](const Hash128& message) {
      if (fresh_.contains(message) || flying_.contains(message)) return true;
      return prefetched_.try_emplace(message, 0).first->second != 0;
    });
    if (asked.empty()) continue;
    std::sort(asked.begin(), asked.end());
    asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
    look_ups().add(asked.size());
    FRESHET_TRY(store_.multi_get(keys.of(seen_rows_of(span), asked),
                                 [&](size_t i, std::string_view) { prefetched_[asked[i]] = span; }));
  }
  return {};
}

// The clock of the window is the highest received_at. But a single record from an ingest node whose clock is a year
// ahead must not close the window on everything: a jump counts only when a long row of records confirms it. The clock
// never goes back, as a message that was forgotten already would then lie in the window again, and a repetition of it
// would count.
void SeenMessages::move_clock(int64_t received_at_us) {
  const int64_t highest = meta_.highest_received_at_us();
  if (highest == 0 || (received_at_us >= highest && received_at_us - highest <= kDedupJumpUs)) {
    meta_.set_highest_received_at_us(std::max(highest, received_at_us));
    meta_.set_jump_count(0);
  } else if (received_at_us > highest) {
    const bool first = meta_.jump_count() == 0;
    meta_.set_jump_lowest_us(first ? received_at_us : std::min(meta_.jump_lowest_us(), received_at_us));
    meta_.set_jump_count(meta_.jump_count() + 1);
    if (meta_.jump_count() < kDedupJumpRecords) return;
    FRESHET_ASSERT(meta_.jump_lowest_us() > highest);
    meta_.set_highest_received_at_us(meta_.jump_lowest_us());
    meta_.set_jump_count(0);
  } else {
    meta_.set_jump_count(0);
  }
}

// A message that the filters rule out is in no table either: what is not durable yet was added to them, too.
Result<bool> SeenMessages::first_sight(const Hash128& message, int64_t received_at_us) {
  const bool ruled_out = filters_.rules_out(first_live_span(), message);
  if (!ruled_out && !fresh_.contains(message) && !flying_.contains(message) && !prefetched_.contains(message))
    FRESHET_TRY(look_up({&message, 1}));
  move_clock(received_at_us);
  // The message is filed under the partition's own clock, not under its own time: so the window is whole even for a
  // record that was received long ago and is repeated now. Span 0 means "never" in the tables.
  const uint32_t now = std::max(seen_span_of(meta_.highest_received_at_us()), 1u);
  if (meta_.seen_first_span() == 0) meta_.set_seen_first_span(now);
  if (!ruled_out)
    for (const Spans* known : {&fresh_, &flying_, &prefetched_})
      if (const auto at = known->find(message); at != known->end() && at->second >= std::max(lowest_span(), 1u))
        return false;
  fresh_[message] = now;
  filters_.add(now, message);
  if (FRESHET_MUTANT(kSeenBeforeCommit)) {
    kv::WriteBatch batch;
    batch.put(row_key(now, message), std::string_view());
    FRESHET_TRY(store_.write(batch, kv::Durability::kSynced));
  }
  return true;
}

Result<bool> SeenMessages::was_seen(const Hash128& message) const {
  if (meta_.seen_first_span() == 0) return false;
  for (const Spans* known : {&fresh_, &flying_})
    if (const auto at = known->find(message); at != known->end() && at->second >= first_live_span()) return true;
  for (uint32_t span = seen_span_of(meta_.highest_received_at_us()); span >= first_live_span(); --span) {
    FRESHET_ASSIGN(const auto row, store_.get(row_key(span, message)));
    if (row) return true;
  }
  return false;
}

void SeenMessages::begin_persist() {
  FRESHET_ASSERT(flying_.empty());  // What flies would be lost: neither in memory nor, if this process dies, on disk.
  flying_ = std::exchange(fresh_, {});
  fresh_.reserve(flying_.size());  // The next interval has about as many; growing to that would move each of them.
  prefetched_.clear();
  filters_.expire(lowest_span());
  filters_.begin_gather(first_live_span());
}

void SeenMessages::end_persist() {
  flying_.clear();
  filters_.end_gather();
}

void SeenMessages::put_rows(kv::SortedRows& rows) const {
  if (FRESHET_MUTANT(kSeenNotPersisted)) return;
  std::map<uint32_t, std::vector<Hash128>> of_span;
  for (const auto& [message, span] : flying_) of_span[span].push_back(message);
  for (auto& [span, messages] : of_span) {
    sort_hashes(messages);
    std::string key = row_key(span, {});
    for (const Hash128& message : messages) {
      message.view().copy(key.data() + 1 + kSpanBytes, sizeof message.bytes);
      rows.put(key, {});
    }
  }
}

void SeenMessages::drop() {
  fresh_.clear();
  flying_.clear();
  prefetched_.clear();
}

}  // namespace freshet::state
