// Whose turn it is while more comes than the stages behind can do in a moment. Then whoever sent more than a fair share
// of late (fair_share.h) has to wait, and the others go on; so what is in `actions` is always little and young, and a
// quiet tenant does not wait for a loud one, with rates or without. What is old (LaneKind) goes straight in only while
// these stages have next to nothing to do. A node with one tenant is never crowded by what is live.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "env/clock.h"
#include "ingest/overflow/fair_share.h"
#include "ingest/overflow/lane_key.h"

namespace freshet::ingest {

struct CrowdOptions {
  env::Clock* clock = nullptr;
  size_t tenants = 1;  // that there are at the start
  // What may wait before `action` and `reaction`: so many records, or what they did of late in so much time.
  uint64_t records = 1'000;
  env::TimeUs time_us = 60'000;
};

// Thread-safe.
class Crowd {
 public:
  explicit Crowd(CrowdOptions options) : options_(options) {}

  // So many records come of this tenant: whether they may go on to the stages behind.
  [[nodiscard]] bool comes(const std::string& tenant, LaneKind kind, size_t records);
  // So many records have gone on: straight in, or from where they waited.
  void went(uint64_t records);
  // How many of those that wait should go on now.
  [[nodiscard]] uint64_t room();
  // So many are not done by the stages behind. Until it is said once, they are taken to have nothing to do.
  void observe(uint64_t backlog);
  // Something went on since the last observation.
  [[nodiscard]] bool wants_observation() const { return went_ > 0; }

 private:
  // REQUIRES, for these: the mutex is held.
  [[nodiscard]] uint64_t bound(env::TimeUs now_us) const;
  [[nodiscard]] double share(uint64_t excess, env::TimeUs now_us);

  const CrowdOptions options_;
  std::mutex mutex_;
  std::map<std::string, RecentSum, std::less<>> came_;  // by tenant
  RecentSum done_;                                      // what went on
  bool observed_ = false;
  uint64_t backlog_ = 0;           // when it was last observed
  std::atomic<uint64_t> went_{0};  // since then
  double share_ = 0;               // as it was at share_at_us_
  env::TimeUs share_at_us_ = 0;
};

}  // namespace freshet::ingest
