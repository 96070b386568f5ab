#include "sinks/topic/lane.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/assert.h"
#include "base/mutant.h"
#include "cluster/stream/scan.h"
#include "telemetry/log.h"

namespace freshet::sinks {
namespace {

constexpr env::TimeUs kOpenTransactionUs = 5'000'000;
constexpr env::TimeUs kScanSilenceUs = 5'000'000;
constexpr int64_t kScanOffsets = FRESHET_BOUND(5'000, 7);
constexpr size_t kRowsBytes = 4u << 20;           // of a write to the table
constexpr env::TimeUs kMarkEveryUs = 60'000'000;  // what is written since is read again after a crash

}  // namespace

// The writer first: what is read after it is all that there is.
Status StateLane::begin() {
  FRESHET_ASSIGN(writer_, target_.open_writer(fmt::format("{}.{}", target_.topic, partition_)));
  writer_->limit_batches(target_.record_bytes_max);
  FRESHET_TRY(writer_->settle());
  if (FRESHET_MUTANT(kStateTopicUnread)) {
    end_ = 0;
    FRESHET_ASSIGN(mark_, table_.mark(partition_));
    return {};
  }
  const std::vector<cluster::PartitionRef> of = {{target_.topic, static_cast<int32_t>(partition_)}};
  FRESHET_ASSIGN(const auto ends, cluster::settled_ends(*target_.admin, of, clock_, kOpenTransactionUs));
  FRESHET_ASSIGN(const auto firsts, cluster::offsets_of(*target_.admin, of, cluster::OffsetAt::Kind::kEarliest));
  FRESHET_ASSIGN(mark_, table_.mark(partition_));
  // The mark may lie before all rows.
  FRESHET_ASSIGN(const bool has_rows, table_.has_rows(partition_));
  if (mark_.next > ends[0] || (has_rows && ends[0] == firsts[0])) {
    log::warn("partition {} of topic {} ends at {}, before what the sink has in its table: it is another topic now",
              partition_, target_.topic, ends[0]);
    FRESHET_TRY(table_.drop(partition_));
    mark_ = {};
  }
  began_ = mark_.next = std::max(mark_.next, firsts[0]);
  end_ = ends[0];
  return {};
}

Result<bool> StateLane::take_up(env::TimeUs budget_us) {
  FRESHET_ASSERT(!ready_);
  const env::TimeUs deadline = clock_.monotonic_us() + budget_us;
  if (!end_) FRESHET_TRY(begin());
  while (mark_.next < *end_) {
    if (clock_.monotonic_us() >= deadline) return false;
    FRESHET_TRY(read_some());
  }
  reader_.reset();
  ready_ = true;
  return true;
}

std::string StateLane::progress() const {
  if (!end_) return "";
  return fmt::format("partition {} of topic {} is read into the sink's table: {} of {} offsets", partition_,
                     target_.topic, mark_.next - began_, *end_ - began_);
}

// The table may have newer rows than what is read: those that were written behind the mark before a crash.
Status StateLane::take_row(const cluster::Record& record, StateRows& rows, size_t& bytes) {
  auto state = read_state(record);
  if (!state) {
    log::warn("topic {}: {}: it is passed over", target_.topic, state.error().message);
    return {};
  }
  if (!*state) return {};
  const auto newer = rows.find((*state)->id);
  if (newer != rows.end() && newer->second.version() >= (*state)->document.version()) return {};
  if (newer == rows.end()) {
    FRESHET_ASSIGN(const auto known, table_.find(partition_, (*state)->id));
    if (known && known->version() >= (*state)->document.version()) return {};
  }
  bytes += (*state)->document.ByteSizeLong();
  rows[(*state)->id] = std::move((*state)->document);
  return {};
}

Status StateLane::read_some() {
  if (reader_ == nullptr) {
    FRESHET_ASSIGN(reader_, target_.open_reader());
  }
  const int64_t end = std::min(*end_, mark_.next + kScanOffsets);
  StateRows rows;
  size_t bytes = 0;
  Status taken;
  FRESHET_TRY(cluster::scan(*reader_, target_.topic, {{static_cast<int32_t>(partition_), mark_.next, end}},
                            kScanSilenceUs, [&](int32_t, const cluster::Record& record) {
                              if (taken) taken = take_row(record, rows, bytes);
                              if (!taken || bytes < kRowsBytes) return;
                              taken = table_.write(partition_, rows, mark_);
                              rows.clear();
                              bytes = 0;
                            }));
  FRESHET_TRY(taken);
  mark_.next = end;
  return table_.write(partition_, rows, mark_);
}

// All below the end that is seen before a transaction of this lane is its own, or was read, if that transaction is
// committed: nobody has fenced it in between.
Result<int64_t> StateLane::end_before_writing() {
  if (clock_.monotonic_us() < marked_at_ + kMarkEveryUs) return mark_.next;
  const std::vector<cluster::PartitionRef> of = {{target_.topic, static_cast<int32_t>(partition_)}};
  FRESHET_ASSIGN(const auto ends, cluster::offsets_of(*target_.admin, of, cluster::OffsetAt::Kind::kLatest));
  marked_at_ = clock_.monotonic_us();
  return ends[0];
}

Status StateLane::write(std::span<const StateRecord> records, const StateRows& rows) {
  FRESHET_ASSERT(ready_ && !records.empty());
  FRESHET_ASSIGN(const int64_t next, end_before_writing());
  if (FRESHET_MUTANT(kStateTableFirst)) FRESHET_TRY(table_.write(partition_, rows, mark_));
  FRESHET_TRY(writer_->begin());
  const uint32_t topic = writer_->topic(target_.topic);
  const int64_t now_ms = clock_.now_us() / 1000;
  for (const StateRecord& record : records) {
    const std::vector<cluster::Header> headers = record.headers();
    cluster::Outgoing out{topic, static_cast<int32_t>(partition_), now_ms, record.key, std::nullopt, headers};
    if (record.value) out.value = *record.value;
    if (const Status written = writer_->write(out); !written) {
      writer_->abort();
      return written;
    }
  }
  FRESHET_TRY(writer_->commit({}, nullptr));
  mark_.next = next;
  return table_.write(partition_, rows, mark_);
}

Status StateLane::note_asked(env::TimeUs now_us) {
  mark_.asked_at_us = now_us;
  return table_.write(partition_, {}, mark_);
}

}  // namespace freshet::sinks
