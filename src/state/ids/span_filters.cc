// Which spans are covered is one number, because the latest are asked first and are worth most: filters come and go at
// the old end alone.
#include "state/ids/span_filters.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <utility>

#include "base/assert.h"
#include "state/seen_messages.h"
#include "telemetry/metrics.h"

namespace freshet::state {
namespace {

constexpr size_t kAhead = 8;  // ids whose cache lines are under way while one is looked at

// Partitions are of several threads.
void count_memory(int64_t more) {
  static std::atomic<int64_t> all{0};
  static telemetry::Gauge& gauge =
      telemetry::gauge("freshet_seen_filter_bytes", "Memory of the filters of message ids, of all partitions here.");
  gauge.set(static_cast<double>(all.fetch_add(more) + more));
}

}  // namespace

SpanFilters::~SpanFilters() { set_bytes(0); }

void SpanFilters::set_bytes(size_t bytes) {
  if (bytes != bytes_) count_memory(static_cast<int64_t>(bytes) - static_cast<int64_t>(bytes_));
  bytes_ = bytes;
}

void SpanFilters::take(IdFilter& filter, const Hash128& id) {
  const size_t before = filter.bytes();
  filter.add(id);
  if (filter.bytes() != before) set_bytes(bytes_ + filter.bytes() - before);
}

// A new span is expected to have as many ids as the one before it, and some more.
void SpanFilters::add(uint32_t span, const Hash128& id) {
  if (span >= covered_from_) {
    const size_t last = filters_.empty() ? 0 : filters_.rbegin()->second.count();
    take(filters_.try_emplace(span, std::min(last + last / 8, bytes_max_ / 4)).first->second, id);
  } else if (gathering_ && gathering_->span == span && !gathering_->given_up) {
    take(gathering_->since, id);
  }
  if (bytes_ > bytes_max_) shrink();
}

void SpanFilters::shrink() {
  give_up();
  while (bytes_ > bytes_max_ && !filters_.empty()) {
    const auto oldest = filters_.begin();
    covered_from_ = oldest->first + 1;
    set_bytes(bytes_ - oldest->second.bytes());
    filters_.erase(oldest);
  }
}

// Another thread may still be gathering: what it has is thrown away when it has landed.
void SpanFilters::give_up() {
  full_ = true;
  if (!gathering_) return;
  gathering_->given_up = true;
  set_bytes(bytes_ - gathering_->since.bytes());
  gathering_->since = IdFilter();
}

void SpanFilters::keep_possible(uint32_t span, std::vector<Hash128>& ids) const {
  if (span < covered_from_) return;
  const auto at = filters_.find(span);
  if (at == filters_.end()) return ids.clear();
  const IdFilter& filter = at->second;
  for (size_t i = 0; i < std::min(kAhead, ids.size()); ++i) filter.prefetch(ids[i]);
  size_t kept = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i + kAhead < ids.size()) filter.prefetch(ids[i + kAhead]);
    if (filter.may_have(ids[i])) ids[kept++] = ids[i];
  }
  ids.resize(kept);
}

bool SpanFilters::rules_out(uint32_t lowest_span, const Hash128& id) const {
  if (lowest_span < covered_from_) return false;
  return std::none_of(filters_.lower_bound(lowest_span), filters_.end(),
                      [&](const auto& of_span) { return of_span.second.may_have(id); });
}

void SpanFilters::expire(uint32_t lowest_span) {
  while (!filters_.empty() && filters_.begin()->first < lowest_span) {
    set_bytes(bytes_ - filters_.begin()->second.bytes());
    filters_.erase(filters_.begin());
  }
}

// ---- spans from before the state was opened -------------------------------------------------------------------------

void SpanFilters::begin_gather(uint32_t lowest_span) {
  if (gathering_ || full_ || covered_from_ <= lowest_span) return;
  gathering_ = Gathering();  // emplace() finds no constructor under clang, as the class around it is not whole there
  gathering_->span = covered_from_ - 1;
  gathering_->next = seen_rows_of(gathering_->span);
  gathering_->bytes_max = bytes_max_ - std::min(bytes_, bytes_max_);
}

// Rows that are made while this goes on may lie before the place where it is: they are in `since`.
Status SpanFilters::gather(kv::Store& store) {
  if (!gathering_ || gathering_->done) return {};
  Gathering& now = *gathering_;
  size_t rows = 0;
  now.done = true;
  return store.scan(now.next, seen_rows_of(now.span + 1), [&](std::string_view key, std::string_view) {
    if (rows++ == gathered_at_once_) {
      now.next = key;
      now.done = false;
      return false;
    }
    now.from_rows.add(Hash128::from(key.substr(key.size() - sizeof(Hash128::bytes))));
    return now.from_rows.bytes() <= now.bytes_max;
  });
}

void SpanFilters::end_gather() {
  if (!gathering_ || !(gathering_->done || gathering_->given_up)) return;
  Gathering all = std::move(*gathering_);
  gathering_.reset();
  if (all.given_up) return;
  FRESHET_ASSERT(all.span + 1 == covered_from_);  // That moves up only where what is gathered is given up.
  covered_from_ = all.span;
  set_bytes(bytes_ + all.from_rows.bytes());  // `since` is counted already.
  all.from_rows.take_over(std::move(all.since));
  if (all.from_rows.count() > 0) filters_.emplace(all.span, std::move(all.from_rows));
  if (bytes_ > bytes_max_) shrink();
}

}  // namespace freshet::state
