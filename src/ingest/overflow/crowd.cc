#include "ingest/overflow/crowd.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace freshet::ingest {
namespace {

constexpr uint64_t kIdle = 4;  // a quarter of what may wait is next to nothing

}  // namespace

uint64_t Crowd::bound(env::TimeUs now_us) const {
  const double in_time = done_.per_second(now_us) * static_cast<double>(options_.time_us) / 1e6;
  return std::max(options_.records, static_cast<uint64_t>(in_time));
}

// What went on and is over the bound counts as not done: whoever brought it has had more than its share at once, not
// only when it was waited for.
double Crowd::share(uint64_t excess, env::TimeUs now_us) {
  if (now_us - share_at_us_ < share_stands_us(came_.size())) return share_;
  std::vector<double> came;
  for (const auto& [tenant, sum] : came_)
    if (const double recent = sum.at(now_us); recent >= 1) came.push_back(recent);
  share_ = fair_share(std::move(came), done_.at(now_us) - static_cast<double>(excess));
  share_at_us_ = now_us;
  return share_;
}

bool Crowd::comes(const std::string& tenant, LaneKind kind, size_t records) {
  const env::TimeUs now = options_.clock->monotonic_us();
  const std::lock_guard lock(mutex_);
  RecentSum& came = came_[tenant];
  came.add(static_cast<double>(records), now);
  // Tenants may be added while it runs.
  const bool alone = std::max(options_.tenants, came_.size()) <= 1;
  if (!observed_ || (alone && kind == LaneKind::kLive)) return true;
  const uint64_t waits = backlog_ + went_;
  const uint64_t most = bound(now);
  if (kind == LaneKind::kBackfill) return waits <= most / kIdle;
  return waits <= most || came.at(now) <= share(waits - most, now);
}

void Crowd::went(uint64_t records) {
  const std::lock_guard lock(mutex_);
  went_ += records;
  done_.add(static_cast<double>(records), options_.clock->monotonic_us());
}

uint64_t Crowd::room() {
  const std::lock_guard lock(mutex_);
  if (!observed_) return std::numeric_limits<uint64_t>::max();
  const uint64_t most = bound(options_.clock->monotonic_us());
  return most - std::min(most, backlog_ + went_);
}

void Crowd::observe(uint64_t backlog) {
  const std::lock_guard lock(mutex_);
  backlog_ = backlog;
  went_ = 0;
  observed_ = true;
}

}  // namespace freshet::ingest
