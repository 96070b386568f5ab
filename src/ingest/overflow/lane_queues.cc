// At the tail each record is seen for the first time and counted; in a sweep, which lies behind the tail, records are
// seen again, and only those are taken that a lane lacks. So what a lane counts never depends on how often it is swept.
#include "ingest/overflow/lane_queues.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::ingest {

using eventlog::Offset;

void LaneQueues::learn(const v1::OverflowProgress& progress) {
  for (const v1::OverflowProgress::Lane& told : progress.lanes()) {
    Lane& lane = lanes_[{told.tenant(), told.backfill() ? LaneKind::kBackfill : LaneKind::kLive}];
    lane.next = std::max<Offset>(lane.next, told.next());
  }
}

bool LaneQueues::take(const eventlog::RecordView& record, size_t window) {
  OverflowKey key;
  if (!parse_overflow_key(record.key, key)) return false;
  Lane& lane = lanes_[{std::string(key.tenant), key.kind}];
  if (record.offset < lane.next) return true;
  if (record.offset >= tail_) {
    ++lane.records;
    lane.bytes += record.key.size() + record.value.size();
    // The first time that this record is seen. Without anything behind, all before it is held.
    if (!lane.behind)
      hold(lane, record, window);
    else if (record.offset >= *lane.behind && hungry(lane))
      hold(lane, record, window);
    return true;
  }
  if (lane.behind && record.offset >= *lane.behind && hungry(lane)) hold(lane, record, window);
  return true;
}

// Whether a sweep that has come this far has something for it, and it has not said in this sweep that it is full.
bool LaneQueues::hungry(const Lane& lane) const {
  return lane.behind && *lane.behind >= begin_ && lane.stuck_in != sweep_;
}

// The first record that finds no room ends what is held: a later one must not come before it.
void LaneQueues::hold(Lane& lane, const eventlog::RecordView& record, size_t window) {
  FRESHET_ASSERT(lane.held.empty() || lane.held.back().offset < record.offset);
  const size_t bytes = record.key.size() + record.value.size();
  if (!lane.held.empty() && lane.held_bytes + bytes > window) {
    lane.behind = record.offset;
    lane.stuck_in = sweep_;
    lane.lacks_bytes = bytes;
    return;
  }
  lane.held.push_back({record.offset, std::string(record.key), std::string(record.value)});
  lane.held_bytes += bytes;
  lane.lacks_bytes = 0;
  if (lane.held.size() == lane.records) {
    lane.behind.reset();
  } else {
    lane.behind = record.offset + 1;
  }
}

void LaneQueues::passed(Offset next) {
  if (next < tail_) return;
  tail_ = next;
  tail_first_ = sweeping_;
  sweeping_ = false;
}

// The tail and sweeps take turns. A lane is dry when half of its window is free: one sweep then brings many records.
std::optional<Offset> LaneQueues::turn(size_t window) {
  if (sweeping_) {
    const bool needed = std::any_of(lanes_.begin(), lanes_.end(), [this](const auto& l) { return hungry(l.second); });
    if (needed) return std::nullopt;
    sweeping_ = false;
    return tail_;
  }
  // Otherwise what is new would never be read while old lanes run dry.
  if (std::exchange(tail_first_, false)) return std::nullopt;
  std::optional<Offset> first;
  for (const auto& [name, lane] : lanes_) {
    const bool dry =
        lane.held.empty() || (lane.held_bytes <= window / 2 && lane.held_bytes + lane.lacks_bytes <= window);
    if (lane.behind && dry) first = std::min(first.value_or(*lane.behind), *lane.behind);
  }
  if (!first) return std::nullopt;
  begin_ = *first;
  ++sweep_;
  sweeping_ = true;
  return first;
}

HeldRecord LaneQueues::pop(Lane& lane) {
  FRESHET_ASSERT(!lane.held.empty() && lane.records > 0);
  HeldRecord record = std::move(lane.held.front());
  lane.held.pop_front();
  FRESHET_ASSERT(record.offset >= lane.next && lane.held_bytes >= record.bytes() && lane.bytes >= record.bytes());
  lane.held_bytes -= record.bytes();
  lane.bytes -= record.bytes();
  --lane.records;
  lane.next = record.offset + 1;
  return record;
}

// The first offset that a drain which starts anew must read. Nothing before it waits in any lane.
Offset LaneQueues::base() const {
  Offset base = tail_;
  if (FRESHET_MUTANT(kDrainForgetsWaiting)) return base;
  for (const auto& [name, lane] : lanes_) {
    if (lane.records == 0) continue;
    FRESHET_ASSERT(!lane.held.empty() || lane.behind);
    base = std::min(base, lane.held.empty() ? *lane.behind : lane.held.front().offset);
  }
  return base;
}

std::optional<Offset> LaneQueues::progress_of(const Lane& lane, Offset base) const {
  if (FRESHET_MUTANT(kDrainTellsNobody)) return std::nullopt;
  return lane.next > base ? std::optional(lane.next) : std::nullopt;
}

// A lane without records is remembered until everybody begins behind what it has done, else it would be done again.
void LaneQueues::forget(Offset base) {
  std::erase_if(lanes_, [base](const auto& l) { return l.second.records == 0 && l.second.next <= base; });
}

bool LaneQueues::empty() const {
  return std::all_of(lanes_.begin(), lanes_.end(), [](const auto& l) { return l.second.records == 0; });
}

bool LaneQueues::waits(const LaneName& name) const {
  const auto found = lanes_.find(name);
  return found != lanes_.end() && found->second.records > 0;
}

void LaneQueues::add_depths(std::map<LaneName, LaneDepth>& depths) {
  for (auto& [name, lane] : lanes_) {
    if (lane.records == 0) continue;
    v1::Envelope envelope;
    if (!lane.held.empty() && envelope.ParseFromString(lane.held.front().value))
      lane.oldest_us = envelope.received_at_us();
    LaneDepth& depth = depths[name];
    depth.records += lane.records;
    depth.bytes += lane.bytes;
    if (lane.oldest_us > 0)
      depth.oldest_us = depth.oldest_us == 0 ? lane.oldest_us : std::min(depth.oldest_us, lane.oldest_us);
  }
}

}  // namespace freshet::ingest
