// Each range is read from every old state, sorted in memory and appended to what waits for the new states. A thread
// takes its ranges of a kind in ascending order, so what waits stays sorted without another look; and as no two ranges
// overlap, the files go to the last level of their store at once, where no compaction ever has to touch them.
#include "state/row_dealer.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/assert.h"
#include "base/hash.h"

namespace freshet::state {
namespace {

constexpr size_t kRangesInMemory = 8;  // one of them is gathered, the others' rows wait
constexpr size_t kRangeBytesMin = 1024;
constexpr size_t kFileBytesMin = 256u << 10;
constexpr uint64_t kFirstWidth = kHashesEnd >> 16;  // nobody knows yet how dense rows are
constexpr uint64_t kGrowth = 4;

// What rows of one range differ in is their hash: four of its bytes are of the range, so the next ones nearly always
// decide, without a look at the keys.
uint64_t order_of(std::string_view key) {
  uint64_t order = 0;
  std::memcpy(&order, key.data() + (key.size() - sizeof(Hash128::bytes)), sizeof order);
  return __builtin_bswap64(order);
}

}  // namespace

RowDealer::RowDealer(std::span<kv::Store* const> from, std::span<const RowMover> movers,
                     std::span<kv::Store* const> into, size_t bytes_max)
    : from_(from),
      movers_(movers),
      into_(into),
      waiting_max_(bytes_max - bytes_max / kRangesInMemory),
      range_max_(std::max(bytes_max / kRangesInMemory, kRangeBytesMin)),
      width_(kFirstWidth),
      waiting_(into.size()) {
  FRESHET_ASSERT(from_.size() == movers_.size() && !into_.empty());
}

Status RowDealer::deal(RowKind kind, uint64_t begin, uint64_t end, const std::function<bool(uint64_t)>& done) {
  width_ = kFirstWidth;
  for (uint64_t at = begin; at < end;) {
    const uint64_t width = std::min(width_, end - at);
    FRESHET_ASSIGN(const bool fits, gather(kind, at, at + width));
    if (!fits) {
      width_ = width / 2;
      continue;
    }
    if (bytes_.size() <= range_max_ / (2 * kGrowth)) width_ = std::min(width_ * kGrowth, kHashesEnd);
    FRESHET_TRY(hand_out());
    at += width;
    if (!done(width)) return {};
  }
  return {};
}

Result<bool> RowDealer::gather(RowKind kind, uint64_t begin, uint64_t end) {
  bytes_.clear();
  rows_.clear();
  for (size_t p = 0; p < from_.size(); ++p) {
    // What an old partition would have had to file before the first span is not there. Only messages have spans.
    if (kind.letter == 's' && kind.span < movers_[p].spans_later()) continue;
    // What can't be cut is taken as large as it is.
    const size_t bytes_max = end - begin > 1 ? range_max_ : SIZE_MAX;
    FRESHET_ASSIGN(const bool fits, gather_from(p, keys_of(kind, begin, end, movers_[p].spans_later()), bytes_max));
    if (!fits) return false;
  }
  return true;
}

Result<bool> RowDealer::gather_from(size_t partition, const KeyRange& keys, size_t bytes_max) {
  Status status;
  MovedRow moved;
  FRESHET_TRY(from_[partition]->scan(keys.begin, keys.end, [&](std::string_view key, std::string_view value) {
    const auto goes = movers_[partition].move(key, value, moved);
    if (!goes) status = tl::unexpected(goes.error());
    if (!goes || !*goes) return goes.has_value();
    rows_.push_back({order_of(moved.key), bytes_.size(), static_cast<uint32_t>(moved.key.size()),
                     static_cast<uint32_t>(value.size()), moved.to});
    bytes_.append(moved.key).append(value);
    return bytes_.size() <= bytes_max;
  }));
  FRESHET_TRY(std::move(status));
  return bytes_.size() <= bytes_max;
}

Status RowDealer::hand_out() {
  const auto key_of = [this](const Row& row) { return std::string_view(bytes_).substr(row.at, row.key); };
  std::sort(rows_.begin(), rows_.end(),
            [&](const Row& a, const Row& b) { return a.order != b.order ? a.order < b.order : key_of(a) < key_of(b); });
  for (const Row& row : rows_) {
    FRESHET_ASSERT(row.to < waiting_.size());
    Waiting& waiting = waiting_[row.to];
    waiting.sizes.emplace_back(row.key, row.value);
    waiting.bytes.append(bytes_, row.at, size_t{row.key} + row.value);
    waiting_bytes_ += size_t{row.key} + row.value + sizeof waiting.sizes[0];
    dealt_.bytes += size_t{row.key} + row.value;
  }
  dealt_.rows += rows_.size();
  while (waiting_bytes_ > waiting_max_) {
    const auto most = std::max_element(waiting_.begin(), waiting_.end(),
                                       [](const Waiting& a, const Waiting& b) { return a.size() < b.size(); });
    FRESHET_TRY(write(static_cast<size_t>(most - waiting_.begin())));
  }
  return {};
}

Status RowDealer::write_waiting(bool all) {
  // Files that reach from one kind into the next overlap with those of other threads. Of a small state that costs less
  // than so many files.
  if (!all && waiting_bytes_ < waiting_.size() * kFileBytesMin) return {};
  for (size_t p = 0; p < waiting_.size(); ++p) FRESHET_TRY(write(p));
  FRESHET_ASSERT(waiting_bytes_ == 0);
  return {};
}

Status RowDealer::write(size_t partition) {
  Waiting& waiting = waiting_[partition];
  if (waiting.sizes.empty()) return {};
  FRESHET_TRY(into_[partition]->write_sorted([&](kv::SortedRows& rows) {
    std::string_view rest = waiting.bytes;
    for (const auto& [key, value] : waiting.sizes) {
      rows.put(rest.substr(0, key), rest.substr(key, value));
      rest.remove_prefix(size_t{key} + value);
    }
    FRESHET_ASSERT(rest.empty());
  }));
  waiting_bytes_ -= waiting.size();
  waiting.sizes.clear();
  waiting.bytes.clear();
  return {};
}

}  // namespace freshet::state
