// A lane is a reader of its own, so that what has a limit, or may wait, does not stand in the queue before what may
// not.
#include "mirror/lanes.h"

#include <algorithm>

#include "base/assert.h"

namespace freshet::mirror {
namespace {

constexpr env::TimeUs kSliceUs = 5'000;  // of waiting, where there are several lanes

}  // namespace

Lanes::Key Lanes::key_of(const Share& share) {
  const TopicRule& rule = share.topic->rule;
  std::string name = rule.bandwidth_bytes_per_s > 0 ? share.topic->name : "";
  if (share.second) name += "#moved";  // A reader can't be at two places of a partition.
  return {rule.priority, std::move(name)};
}

Status Lanes::start(Share& share) {
  FRESHET_ASSERT(share.known && share.topic != nullptr && !share.reading);
  Lane& lane = lanes_[key_of(share)];
  if (lane.reader == nullptr) {
    const auto& [priority, topic] = key_of(share);
    FRESHET_ASSIGN(lane.reader, open_(std::string(name_of(priority)) + (topic.empty() ? "" : "." + topic)));
    lane.bytes_per_s = share.topic->rule.bandwidth_bytes_per_s;
    lane.credit = static_cast<double>(lane.bytes_per_s);
    lane.filled_us = clock_.monotonic_us();
  }
  FRESHET_TRY(lane.reader->start(share.id, share.source, share.next));
  share.reading = true;
  return {};
}

void Lanes::stop(Share& share) {
  if (!share.reading) return;
  lanes_.at(key_of(share)).reader->stop(share.id);
  share.reading = false;
}

int64_t Lanes::end_of(const Share& share) {
  const auto lane = lanes_.find(key_of(share));
  return lane == lanes_.end() ? -1 : lane->second.reader->end_of(share.id);
}

// A second's worth may come at once.
bool Lanes::may_flow(Lane& lane) {
  if (lane.bytes_per_s == 0) return true;
  const env::TimeUs now = clock_.monotonic_us();
  const auto rate = static_cast<double>(lane.bytes_per_s);
  lane.credit = std::min(rate, lane.credit + rate * static_cast<double>(now - lane.filled_us) / 1e6);
  lane.filled_us = now;
  return lane.credit > 0;
}

size_t Lanes::ask(Lane& lane, size_t most, env::TimeUs timeout_us, cluster::Polled& into) {
  if (!may_flow(lane)) return 0;
  const size_t before = into.records.size();
  lane.reader->poll(most, timeout_us, into);
  for (size_t i = before; i < into.records.size() && lane.bytes_per_s > 0; ++i)
    lane.credit -= static_cast<double>(into.records[i].bytes());
  return into.records.size() - before;
}

// Lanes are asked by priority. While a more important one has a full round, the others get a small one: they go on, and
// don't hold it up.
void Lanes::poll(env::TimeUs timeout_us, cluster::Polled& into) {
  const env::TimeUs end = clock_.monotonic_us() + timeout_us;
  while (true) {
    bool behind = false;
    for (auto& [key, lane] : lanes_) behind |= ask(lane, behind ? kRoundBehind : kRound, 0, into) >= kRound;
    const env::TimeUs left = end - clock_.monotonic_us();
    if (!into.records.empty() || !into.problems.empty() || !into.ends.empty() || left <= 0) return;
    if (lanes_.empty()) return clock_.sleep_us(std::min(left, kSliceUs));
    for (auto& [key, lane] : lanes_) {
      const env::TimeUs wait = lanes_.size() == 1 ? left : std::min(left, kSliceUs);
      if (!may_flow(lane)) {
        clock_.sleep_us(std::min(left, kSliceUs));
      } else if (ask(lane, kRound, wait, into) > 0) {
        return;
      }
    }
  }
}

}  // namespace freshet::mirror
