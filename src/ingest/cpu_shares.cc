// Sums that fade, and the share that follows from them. All is in microseconds of a processor; a sum that halves every
// second stands for what a steady stream of 0.69 of it in a second would make.
#include "ingest/cpu_shares.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace freshet::ingest {
namespace {

// Whose sum has come down to this is forgotten, when it is looked for.
constexpr double kForgottenUs = 1;
constexpr env::TimeUs kForgetUs = 10'000'000;

}  // namespace

double CpuShares::Use::longest(env::TimeUs now_us) const {
  return longest_us * std::exp2(-static_cast<double>(now_us - longest_at_us) / RecentSum::kHalfLifeUs);
}

void CpuShares::used(const std::string& party, env::TimeUs cpu_us, env::TimeUs now_us) {
  FRESHET_ASSERT(cpu_us >= 0);
  const std::lock_guard lock(mutex_);
  Use& use = uses_[party];
  use.all.add(static_cast<double>(cpu_us), now_us);
  all_.add(static_cast<double>(cpu_us), now_us);
  if (const auto cost = static_cast<double>(cpu_us); cost > use.longest(now_us)) {
    use.longest_us = cost;
    use.longest_at_us = now_us;
  }
}

CpuShares::Verdict CpuShares::judge(std::string_view party, env::TimeUs now_us) {
  const std::lock_guard lock(mutex_);
  const auto found = uses_.find(party);
  if (found == uses_.end()) return Verdict::kHere;
  if (found->second.longest(now_us) >= static_cast<double>(kLongUs)) return Verdict::kLong;
  const double recent = found->second.all.at(now_us);
  return recent <= share(now_us) ? Verdict::kHere : Verdict::kShare;
}

// All sums fade alike, so the sum of them is kept as one more; while it is no more than there is, which is nearly
// always, nobody has to be looked at.
double CpuShares::share(env::TimeUs now_us) {
  forget(now_us);
  if (all_.at(now_us) <= capacity_) return std::numeric_limits<double>::infinity();
  if (share_at_us_ > 0 && now_us - share_at_us_ < share_stands_us(uses_.size())) return share_;
  std::vector<double> recent;
  recent.reserve(uses_.size());
  for (const auto& [party, use] : uses_)
    if (const double used = use.all.at(now_us); used >= kForgottenUs) recent.push_back(used);
  share_ = recent.size() < 2 ? std::numeric_limits<double>::infinity() : fair_share(std::move(recent), capacity_);
  share_at_us_ = now_us;
  return share_;
}

void CpuShares::forget(env::TimeUs now_us) {
  if (now_us - forgot_at_us_ < kForgetUs) return;
  forgot_at_us_ = now_us;
  std::erase_if(uses_, [now_us](const auto& use) { return use.second.all.at(now_us) < kForgottenUs; });
}

size_t CpuShares::parties() const {
  const std::lock_guard lock(mutex_);
  return uses_.size();
}

}  // namespace freshet::ingest
