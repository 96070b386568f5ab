#include "ingest/overflow/crowd.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace freshet::ingest {
namespace {

constexpr env::TimeUs kShareUs = 10'000;  // how often the fair share is computed anew

}  // namespace

uint64_t Crowd::bound(LaneKind kind, env::TimeUs now_us) const {
  const double in_time = done_.per_second(now_us) * static_cast<double>(options_.time_us) / 1e6;
  const uint64_t records = std::max(options_.records, static_cast<uint64_t>(in_time));
  return kind == LaneKind::kLive ? records : records / 4;
}

// What went on and is over the bound counts as not done: whoever brought it has had more than its share at once, not
// only when it was waited for.
double Crowd::share(uint64_t excess, env::TimeUs now_us) {
  if (now_us - share_at_us_ < kShareUs) return share_;
  std::vector<double> came;
  for (const auto& [tenant, sum] : came_)
    if (const double recent = sum.at(now_us); recent >= 1) came.push_back(recent);
  share_ = fair_share(std::move(came), done_.at(now_us) - static_cast<double>(excess));
  share_at_us_ = now_us;
  return share_;
}

bool Crowd::comes(const std::string& tenant, LaneKind kind, size_t records) {
  if (kind == LaneKind::kLive && options_.tenants <= 1) return true;
  const env::TimeUs now = options_.clock->monotonic_us();
  const std::lock_guard lock(mutex_);
  RecentSum& came = came_[tenant];
  came.add(static_cast<double>(records), now);
  const uint64_t waits = backlog_ + went_;
  const uint64_t most = bound(kind, now);
  if (!observed_ || waits <= most) return true;
  return kind == LaneKind::kLive && came.at(now) <= share(waits - most, now);
}

void Crowd::went(uint64_t records) {
  const std::lock_guard lock(mutex_);
  went_ += records;
  done_.add(static_cast<double>(records), options_.clock->monotonic_us());
}

uint64_t Crowd::room(LaneKind kind) {
  const std::lock_guard lock(mutex_);
  if (!observed_) return std::numeric_limits<uint64_t>::max();
  // Half of it is left to those who go straight in.
  const uint64_t most = bound(kind, options_.clock->monotonic_us()) / 2;
  return most - std::min(most, backlog_ + went_);
}

void Crowd::observe(uint64_t backlog) {
  const std::lock_guard lock(mutex_);
  backlog_ = backlog;
  went_ = 0;
  observed_ = true;
}

}  // namespace freshet::ingest
