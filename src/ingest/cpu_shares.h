// Whose requests have to run beside the server's threads (lane.h), because they would keep others waiting: what a
// tenant's requests cost, that tenant waits for. Two rules, both over what the last seconds have cost of the processor.
// Whoever used more than a fair share of what ingest may use (fair_share.h) waits; and so does whoever sent a request
// of late that was long by itself, as a thread of the server that works on it answers nobody else.
//
// Alone it waits for nothing but what is long: there is nobody whom it keeps waiting. A tenant's logs and its imports
// are parties of their own: what they cost, its events don't wait for. All that have proved nothing are one party,
// whose name is "". Pure but for its lock: the caller says what time it is. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "env/clock.h"
#include "ingest/overflow/fair_share.h"

namespace freshet::ingest {

class CpuShares {
 public:
  // Of all cores. As long as all parties together use less, none of them waits for its share.
  static constexpr double kPart = 0.3;
  // A request that takes so long is long; how long that is remembered grows with what it took.
  static constexpr env::TimeUs kLongUs = 3'000;

  enum class Verdict : uint8_t { kHere, kShare, kLong };

  explicit CpuShares(double cores) : capacity_(cores * kPart * RecentSum::kHalfLifeUs / 0.693147) {}

  // A request of this party has taken so much of a processor.
  void used(const std::string& party, env::TimeUs cpu_us, env::TimeUs now_us);
  // Where its next request is to run.
  [[nodiscard]] Verdict judge(std::string_view party, env::TimeUs now_us);
  // Parties that are remembered: those that sent something in the last half a minute, or a little before.
  [[nodiscard]] size_t parties() const;

 private:
  struct Use {
    RecentSum all;
    // Of single requests: the largest, halved every second.
    double longest_us = 0;
    env::TimeUs longest_at_us = 0;
    [[nodiscard]] double longest(env::TimeUs now_us) const;
  };
  // REQUIRES, for both: the lock is held.
  [[nodiscard]] double share(env::TimeUs now_us);
  void forget(env::TimeUs now_us);

  const double capacity_;  // as a RecentSum: what is used by a steady stream of kPart of all cores
  mutable std::mutex mutex_;
  std::map<std::string, Use, std::less<>> uses_;
  RecentSum all_;  // of all parties
  env::TimeUs forgot_at_us_ = 0;
  double share_ = 0;  // as it was at share_at_us_
  env::TimeUs share_at_us_ = 0;
};

}  // namespace freshet::ingest
