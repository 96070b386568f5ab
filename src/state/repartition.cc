// Rebuilding states: what a new state is, where each row goes, and the threads that move them (state/row_dealer.h).
#include "state/repartition.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "env/thread.h"
#include "freshet/v1/envelope.pb.h"
#include "model/home.h"
#include "state/partition_state.h"
#include "state/row_dealer.h"
#include "state/row_ranges.h"
#include "state/seen_messages.h"
#include "state/wire.h"

namespace freshet::state {
namespace {

constexpr size_t kHashBytes = sizeof(Hash128::bytes);
constexpr size_t kSeenPrefixBytes = 5;                 // 's' and the span
constexpr std::string_view kKindsWithoutSpan = "ael";  // aliases, entities, ledgers

uint32_t clock_span(const v1::PartitionMeta& meta) { return std::max(seen_span_of(meta.highest_received_at_us()), 1u); }

bool is_row_key(std::string_view key) {
  if (key.empty()) return false;
  const size_t prefix = key[0] == 's' ? kSeenPrefixBytes : 1;
  return std::string_view("aels").find(key[0]) != std::string_view::npos && key.size() == prefix + kHashBytes;
}

// Whether nothing is under way for the entity. What is would go on by messages in the old log, which the new
// partitions never read: a profile in the middle of a merge would stay there for ever. There is one
// for each profile, so only these few fields are looked at. nullopt: it can't be decoded.
std::optional<bool> is_at_rest(std::string_view entity) {
  using E = v1::EntityState;
  WireField field;
  bool rests = true;
  while (!entity.empty()) {
    if (!next_field(entity, field)) return std::nullopt;
    switch (field.number) {
      case E::kStatusFieldNumber: rests = rests && field.value != E::LEAVING; break;
      case E::kWindingUpFieldNumber:
      case E::kSteppingFieldNumber: rests = rests && field.value == 0; break;
      case E::kHeldFieldNumber:
      case E::kGatheredFieldNumber:
      case E::kAbsorbingFieldNumber:
      case E::kDepartureFieldNumber: rests = false; break;
      default: break;
    }
  }
  return rests;
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
    const uint32_t span = span_of_seen_row(key).value_or(0);
    if (span < lowest_span_) return false;
    moved.key.assign(seen_rows_of(span + spans_later_)).append(hash.view());
    return true;
  }
  moved.key.assign(key);
  if (key[0] != 'e') return true;
  const auto rests = is_at_rest(row);
  if (!rests)
    return fail(Code::kCorrupt, fmt::format("partition {}: entity {} can't be decoded", partition_, hash.hex()));
  if (!*rests)
    return fail(Code::kConflict,
                fmt::format("partition {}: entity {} is being merged: action was not drained", partition_, hash.hex()));
  return true;
}

namespace {

// The threads, what they share, and the order of their work. Each takes the same part of every kind of rows, so all of
// them are done at about the same time.
class Repartitioning {
 public:
  Repartitioning(std::span<kv::Store* const> from, std::span<kv::Store* const> into, std::vector<RowMover> movers,
                 const RepartitionOptions& options)
      : from_(from), into_(into), movers_(std::move(movers)), options_(options) {
    FRESHET_ASSERT(options_.threads > 0);
  }

  Result<Repartitioned> run() {
    FRESHET_TRY(look_between_kinds());
    FRESHET_TRY(find_kinds());
    std::vector<std::thread> others;
    for (uint32_t n = 1; n < options_.threads; ++n)
      others.emplace_back([this, n] {
        env::name_thread(fmt::format("rebuild-{}", n));
        work(n);
      });
    work(0);
    for (std::thread& thread : others) thread.join();
    FRESHET_TRY(std::move(failure_));
    return done_;
  }

 private:
  // A row of a kind that nobody knows must not be left behind in silence.
  Status look_between_kinds() {
    MovedRow moved;
    for (size_t p = 0; p < from_.size(); ++p) {
      for (const KeyRange& keys : keys_between_kinds()) {
        Status status;
        FRESHET_TRY(from_[p]->scan(keys.begin, keys.end, [&](std::string_view key, std::string_view row) {
          if (const auto goes = movers_[p].move(key, row, moved); !goes) status = tl::unexpected(goes.error());
          return status.has_value();
        }));
        FRESHET_TRY(std::move(status));
      }
    }
    return {};
  }

  Status find_kinds() {
    std::set<RowKind> kinds;
    for (const char letter : kKindsWithoutSpan) kinds.insert({letter, 0});
    for (size_t p = 0; p < from_.size(); ++p) {
      FRESHET_ASSIGN(const auto spans, spans_in(*from_[p], movers_[p].lowest_span()));
      for (const uint32_t span : spans) kinds.insert({'s', span + movers_[p].spans_later()});
    }
    kinds_.assign(kinds.begin(), kinds.end());
    return {};
  }

  void work(uint32_t thread) {
    RowDealer dealer(from_, movers_, into_, options_.memory_bytes / options_.threads);
    Status status = deal_all(dealer, thread);
    const std::lock_guard lock(mutex_);
    done_.rows += dealer.dealt().rows;
    done_.bytes += dealer.dealt().bytes;
    if (!status && failure_) failure_ = std::move(status);
    if (!failure_) failed_ = true;
  }

  Status deal_all(RowDealer& dealer, uint32_t thread) {
    const uint64_t begin = kHashesEnd * thread / options_.threads;
    const uint64_t end = kHashesEnd * (thread + 1) / options_.threads;
    for (const RowKind kind : kinds_) {
      FRESHET_TRY(dealer.deal(kind, begin, end, [this](uint64_t hashes) { return go_on(hashes); }));
      if (failed_) return {};
      FRESHET_TRY(dealer.write_waiting(false));
    }
    return dealer.write_waiting(true);
  }

  bool go_on(uint64_t hashes) {
    if (options_.progress) {
      const std::lock_guard lock(mutex_);
      hashes_done_ += hashes;
      options_.progress(static_cast<double>(hashes_done_) / static_cast<double>(kHashesEnd * kinds_.size()));
    }
    return !failed_;
  }

  const std::span<kv::Store* const> from_, into_;
  const std::vector<RowMover> movers_;
  const RepartitionOptions& options_;
  std::vector<RowKind> kinds_;
  std::atomic<bool> failed_{false};
  std::mutex mutex_;  // of what follows
  uint64_t hashes_done_ = 0;
  Repartitioned done_;
  Status failure_;
};

}  // namespace

// The meta rows come last: a state that has one is whole.
Result<Repartitioned> repartition(std::span<kv::Store* const> from, std::span<kv::Store* const> into,
                                  const RepartitionOptions& options) {
  FRESHET_ASSERT(!from.empty() && !into.empty());
  std::vector<v1::PartitionMeta> old;
  for (size_t p = 0; p < from.size(); ++p) {
    FRESHET_ASSIGN(auto meta, read_meta(*from[p], p));
    old.push_back(std::move(meta));
  }
  const auto before = static_cast<uint32_t>(from.size());
  FRESHET_ASSIGN(const auto metas, repartition_metas(old, static_cast<uint32_t>(into.size())));
  std::vector<RowMover> movers;
  for (uint32_t p = 0; p < before; ++p) movers.emplace_back(p, before, old[p], metas.front());
  FRESHET_ASSIGN(const auto done, Repartitioning(from, into, std::move(movers), options).run());
  for (size_t p = 0; p < into.size(); ++p)
    FRESHET_TRY(into[p]->write_sorted([&](kv::SortedRows& out) { out.put(kMetaRow, metas[p].SerializeAsString()); }));
  return done;
}

}  // namespace freshet::state
