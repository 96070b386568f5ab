// What is too old, or too much, and who holds it back. Segments carry the sums and times that this needs, so no record
// is read to be deleted.
#include "eventlog/embedded/retention.h"

#include <algorithm>
#include <chrono>

#include "base/assert.h"
#include "telemetry/log.h"

namespace freshet::eventlog::embedded {
namespace {

// Where the kept records would begin by size and age alone: at the base of a segment, or at the end.
Offset wanted_low(const TopicOptions& options, const Partition& partition, env::TimeUs now_us,
                  const env::Steadiness& steadiness) {
  const bool by_age = options.retention_us > 0 && steadiness.may_expire(options.retention_us);
  Offset low = partition.mark.low;
  const auto& segments = partition.segments;
  for (size_t next = 1; next <= segments.size(); ++next) {
    const bool last = next == segments.size();
    const uint64_t bytes_after = last ? 0 : partition.mark.bytes - segments[next].bytes_before;
    const env::TimeUs newest_us = last ? partition.mark.appended_at_us : segments[next].previous_us;
    const bool too_large = !last && options.retention_bytes > 0 && bytes_after >= options.retention_bytes;
    const bool too_old = by_age && newest_us <= now_us - options.retention_us;
    if (!too_large && !too_old) break;
    low = last ? partition.mark.high : segments[next].base;
  }
  return low;
}

// The begin of the segment that holds `offset`, so that only whole segments go.
Offset floor_to_segment(const Partition& partition, Offset offset) {
  if (offset >= partition.mark.high) return offset;
  Offset base = partition.mark.low;
  for (const Segment& segment : partition.segments) {
    if (segment.base <= offset) base = std::max(base, segment.base);
  }
  return base;
}

}  // namespace

std::vector<Trim> due_trims(LogState& state, env::TimeUs now_us, const env::Steadiness& steadiness) {
  std::vector<Trim> trims;
  const std::lock_guard lock(state.mutex);
  for (const auto& topic : state.owned) {
    const TopicOptions& options = topic->options;
    if (options.retention_bytes == 0 && options.retention_us == 0) continue;
    for (Partition& partition : topic->partitions) {
      if (partition.of.topic == Topic::kActions) break;
      const Offset low =
          std::min(wanted_low(options, partition, now_us, steadiness), state.held_from(options, partition));
      const Offset whole = floor_to_segment(partition, low);
      FRESHET_ASSERT(whole <= std::max(low, partition.mark.low));  // Nothing goes that is still to be read.
      if (whole > partition.mark.low) trims.push_back({&partition, whole});
    }
  }
  return trims;
}

Housekeeper::Housekeeper(kv::Store& store, env::Clock& clock, LogState& state, Writer& writer, env::TimeUs interval_us)
    : store_(store), clock_(clock), state_(state), writer_(writer), interval_us_(interval_us) {
  // Here, so that what the clock does from now on is seen, and not only from the first turn on.
  steadiness_.look(clock_);
  thread_ = std::thread([this] { run(); });
}

Housekeeper::~Housekeeper() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    condition_.notify_all();
  }
  thread_.join();
}

void Housekeeper::run() {
  std::unique_lock lock(mutex_);
  while (!condition_.wait_for(lock, std::chrono::microseconds(interval_us_), [this] { return stop_; })) {
    lock.unlock();
    work();
    lock.lock();
  }
}

// A failure is logged and tried again at the next turn: a log that keeps too much is no reason to stop.
void Housekeeper::work() {
  if (!state_.open()) return;
  Request request;
  const env::TimeUs now_us = clock_.now_us();
  steadiness_.look(now_us, clock_.monotonic_us());
  request.trims = due_trims(state_, now_us, steadiness_);
  if (!request.trims.empty()) {
    if (const Status trimmed = writer_.submit_and_wait(std::move(request)); !trimmed) {
      log::error("log retention: {}", trimmed.error().message);
      return;
    }
  }
  reclaim();
}

// The rows are gone already; this has the store give their space back, which takes it long, so the mutex is not held.
void Housekeeper::reclaim() {
  std::vector<std::pair<TopicPartition, Offset>> deleted;
  {
    const std::lock_guard lock(state_.mutex);
    for (const auto& topic : state_.owned) {
      for (Partition& partition : topic->partitions) {
        const Offset kept = partition.segments.empty() ? partition.mark.high : partition.segments.front().base;
        if (kept <= partition.reclaimed) continue;
        partition.reclaimed = kept;
        deleted.emplace_back(partition.of, kept);
      }
    }
  }
  for (const auto& [of, kept] : deleted) {
    if (const Status done = store_.reclaim(chunk_key(of, 0), chunk_key(of, kept)); !done) {
      log::error("log retention: {}", done.error().message);
    }
  }
}

}  // namespace freshet::eventlog::embedded
