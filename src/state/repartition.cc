// Rebuilding states: each old partition is read once in the order of its keys, and its rows are dealt out to the new
// ones. Rows of one kind keep their order on the way, so what waits for a new partition is sorted and is written as
// one file.
#include "state/repartition.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "freshet/v1/envelope.pb.h"
#include "model/home.h"
#include "state/partition_state.h"
#include "state/seen_messages.h"

namespace freshet::state {
namespace {

constexpr size_t kHashBytes = sizeof(Hash128::bytes);
constexpr size_t kSeenPrefixBytes = 5;  // 's' and the span

uint32_t clock_span(const v1::PartitionMeta& meta) { return std::max(seen_span_of(meta.highest_received_at_us()), 1u); }

uint32_t span_in(std::string_view key) {
  uint32_t span = 0;
  for (size_t i = 1; i < kSeenPrefixBytes; ++i) span = span << 8 | static_cast<unsigned char>(key[i]);
  return span;
}

bool is_row_key(std::string_view key) {
  if (key.empty()) return false;
  const size_t prefix = key[0] == 's' ? kSeenPrefixBytes : 1;
  return std::string_view("aels").find(key[0]) != std::string_view::npos && key.size() == prefix + kHashBytes;
}

// Whether nothing is under way for the entity. What is would go on by messages in the old log, which the new
// partitions never read: a profile in the middle of a merge would stay there for ever.
bool is_at_rest(const v1::EntityState& e) {
  return e.status() != v1::EntityState::LEAVING && e.held().empty() && e.gathered().empty() && e.absorbing().empty() &&
         !e.has_departure() && !e.winding_up() && !e.stepping();
}

// The clock that the new states begin with is set back to the beginning of its span, so that every message keeps at
// least what was left of its window, whatever the clock of its old partition was.
int64_t begin_of_span(int64_t clock_us) { return clock_us / kSeenSpanUs * kSeenSpanUs; }

Result<v1::PartitionMeta> read_meta(kv::Store& store, size_t partition) {
  FRESHET_ASSIGN(const auto row, store.get(kMetaRow));
  v1::PartitionMeta meta;
  if (row && meta.ParseFromString(*row)) return meta;
  return fail(Code::kCorrupt, fmt::format("partition {}: its state has no meta row that can be decoded", partition));
}

// Rows for one new partition, in the order of their keys, until they are written.
class Waiting {
 public:
  void add(std::string_view key, std::string_view row) {
    sizes_.emplace_back(key.size(), row.size());
    bytes_.append(key).append(row);
  }
  [[nodiscard]] size_t bytes() const { return bytes_.size() + sizes_.size() * sizeof sizes_[0]; }
  [[nodiscard]] Status write_to(kv::Store& store) {
    if (sizes_.empty()) return {};
    FRESHET_TRY(store.write_sorted([this](kv::SortedRows& rows) {
      std::string_view rest = bytes_;
      for (const auto& [key, row] : sizes_) {
        rows.put(rest.substr(0, key), rest.substr(key, row));
        rest.remove_prefix(key + row);
      }
      FRESHET_ASSERT(rest.empty());
    }));
    *this = {};
    return {};
  }

 private:
  std::vector<std::pair<size_t, size_t>> sizes_;
  std::string bytes_;
};

// All rows that wait, of which the partition that has the most is written when they are too many.
class Rows {
 public:
  Rows(std::span<kv::Store* const> into, size_t bytes_max)
      : into_(into), bytes_max_(bytes_max), waiting_(into.size()) {}

  Status take_all(kv::Store& from, const RowMover& mover) {
    Status status;
    MovedRow moved;
    FRESHET_TRY(from.scan({}, {}, [&](std::string_view key, std::string_view row) {
      const auto goes = mover.move(key, row, moved);
      if (!goes) {
        status = tl::unexpected(goes.error());
      } else if (*goes) {
        status = add(moved, row);
      }
      return status.has_value();
    }));
    FRESHET_TRY(std::move(status));
    for (size_t p = 0; p < into_.size(); ++p) FRESHET_TRY(waiting_[p].write_to(*into_[p]));
    bytes_ = 0;
    return {};
  }

 private:
  Status add(const MovedRow& moved, std::string_view row) {
    FRESHET_ASSERT(moved.to < waiting_.size());
    Waiting& waiting = waiting_[moved.to];
    const size_t before = waiting.bytes();
    waiting.add(moved.key, row);
    bytes_ += waiting.bytes() - before;
    if (bytes_ < bytes_max_) return {};
    const auto most = std::max_element(waiting_.begin(), waiting_.end(),
                                       [](const Waiting& a, const Waiting& b) { return a.bytes() < b.bytes(); });
    bytes_ -= most->bytes();
    return most->write_to(*into_[static_cast<size_t>(most - waiting_.begin())]);
  }

  std::span<kv::Store* const> into_;
  const size_t bytes_max_;
  std::vector<Waiting> waiting_;
  size_t bytes_ = 0;
};

}  // namespace

// Partitions that have different rules were not read to the end: a change of rules goes to all of them. Their states
// are then of different moments, and a message between two of them may be in neither.
Result<std::vector<v1::PartitionMeta>> repartition_metas(std::span<const v1::PartitionMeta> old, uint32_t partitions) {
  FRESHET_ASSERT(!old.empty() && partitions > 0);
  v1::PartitionMeta made = old[0];
  const std::string rules = old[0].rules().SerializeAsString();  // It has no map fields: the same bytes everywhere.
  int64_t clock_us = 0;
  uint64_t erased_messages = 0;
  uint64_t limited_messages = 0;
  for (size_t p = 0; p < old.size(); ++p) {
    if (old[p].rules().SerializeAsString() != rules)
      return fail(
          Code::kConflict,
          fmt::format("partition {} has the rules of revision {}, partition 0 those of {}: action was not drained", p,
                      old[p].rules().revision(), old[0].rules().revision()));
    clock_us = std::max(clock_us, old[p].highest_received_at_us());
    erased_messages += old[p].erased_messages();
    limited_messages += old[p].limited_messages();
  }
  made.set_next_offset(0);
  made.set_highest_received_at_us(begin_of_span(clock_us));
  made.clear_jump_count();
  made.clear_jump_lowest_us();
  made.clear_erased_messages();
  made.clear_limited_messages();
  made.clear_seen_first_span();
  made.mutable_rules()->set_partitions(partitions);
  for (const v1::PartitionMeta& meta : old) {
    if (meta.seen_first_span() == 0) continue;
    const uint32_t first =
        std::max(meta.seen_first_span(), lowest_seen_span(meta)) + clock_span(made) - clock_span(meta);
    made.set_seen_first_span(made.seen_first_span() == 0 ? first : std::min(first, made.seen_first_span()));
  }
  std::vector<v1::PartitionMeta> all(partitions, made);
  all[0].set_limited_messages(limited_messages);
  all[0].set_erased_messages(erased_messages);  // Only the sum over all partitions is ever looked at.
  return all;
}

RowMover::RowMover(uint32_t partition, uint32_t partitions_before, const v1::PartitionMeta& old,
                   const v1::PartitionMeta& made)
    : partition_(partition),
      before_(partitions_before),
      after_(made.rules().partitions()),
      lowest_span_(lowest_seen_span(old)),
      spans_later_(clock_span(made) - clock_span(old)) {
  FRESHET_ASSERT(partition_ < before_ && after_ > 0);
  FRESHET_ASSERT(clock_span(made) >= clock_span(old));  // The new clock is the latest of the old ones.
}

Result<bool> RowMover::move(std::string_view key, std::string_view row, MovedRow& moved) const {
  if (key == kMetaRow) return false;
  if (!is_row_key(key))
    return fail(Code::kCorrupt, fmt::format("partition {}: a row of an unknown kind ({})", partition_, to_hex(key)));
  const Hash128 hash = Hash128::from(key.substr(key.size() - kHashBytes));
  if (model::partition_of(hash, before_) != partition_)
    return fail(Code::kCorrupt, fmt::format("partition {}: row {} is at home in partition {} of {}", partition_,
                                            to_hex(key), model::partition_of(hash, before_), before_));
  moved.to = model::partition_of(hash, after_);
  if (key[0] == 's') {
    if (span_in(key) < lowest_span_) return false;
    moved.key.assign(seen_rows_of(span_in(key) + spans_later_)).append(hash.view());
    return true;
  }
  moved.key.assign(key);
  if (key[0] != 'e') return true;
  v1::EntityState entity;
  if (!entity.ParseFromArray(row.data(), static_cast<int>(row.size())))
    return fail(Code::kCorrupt, fmt::format("partition {}: entity {} can't be decoded", partition_, hash.hex()));
  if (!is_at_rest(entity))
    return fail(Code::kConflict,
                fmt::format("partition {}: entity {} is being merged: action was not drained", partition_, hash.hex()));
  return true;
}

// The meta rows come last: a state that has one is whole.
Status repartition(std::span<kv::Store* const> from, std::span<kv::Store* const> into,
                   const RepartitionOptions& options) {
  FRESHET_ASSERT(!from.empty() && !into.empty());
  std::vector<v1::PartitionMeta> old;
  for (size_t p = 0; p < from.size(); ++p) {
    FRESHET_ASSIGN(auto meta, read_meta(*from[p], p));
    old.push_back(std::move(meta));
  }
  const auto before = static_cast<uint32_t>(from.size());
  FRESHET_ASSIGN(const auto metas, repartition_metas(old, static_cast<uint32_t>(into.size())));
  Rows rows(into, options.memory_bytes);
  for (uint32_t p = 0; p < before; ++p) {
    if (options.progress) options.progress(p, before);
    FRESHET_TRY(rows.take_all(*from[p], RowMover(p, before, old[p], metas.front())));
  }
  for (size_t p = 0; p < into.size(); ++p)
    FRESHET_TRY(into[p]->write_sorted([&](kv::SortedRows& out) { out.put(kMetaRow, metas[p].SerializeAsString()); }));
  return {};
}

}  // namespace freshet::state
