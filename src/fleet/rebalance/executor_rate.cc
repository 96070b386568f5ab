// The half of the executor that is considerate: throttles that follow how the cluster fares, and windows of
// maintenance.
#include <fmt/core.h>

#include <cmath>

#include "fleet/rebalance/executor.h"
#include "fleet/rebalance/throttles.h"
#include "fleet/text.h"

namespace freshet::fleet::rebalance {
namespace {

// Those of which the partition and the broker are there.
std::vector<Move> moves_in(const State& state, const std::vector<JournalMove>& moves) {
  std::vector<Move> out;
  for (const JournalMove& move : moves)
    for (size_t p = 0; p < state.partitions.size(); ++p)
      if (state.partitions[p].index == move.partition && state.partitions[p].topic == move.topic)
        out.push_back({p, {move.from, 0}, {move.to, 0}, {}});
  return out;
}

int64_t seconds_of(env::TimeUs us) { return us / 1'000'000; }

}  // namespace

double Executor::rate() const {
  return journal_.copy_rate.bytes_per_s > 0 ? journal_.copy_rate.bytes_per_s : journal_.limits.throttle_bytes_per_s;
}

// Once, and kept in the journal: how a cluster fares that already copies for us is no measure.
Status Executor::see_before() {
  JournalCopyRate& copy_rate = journal_.copy_rate;
  if (!copy_rate.bounds.adapts || copy_rate.before || journal_.wave >= journal_.waves.size()) return {};
  const auto seen = [&]() -> Result<Seen> {
    FRESHET_ASSIGN(const std::vector<Moving> moving, port_.moving());
    return port_.fares(moving);
  };
  for (uint32_t tries = 0; !copy_rate.before; ++tries) {
    auto before = seen();
    if (before) {
      for (const std::string& doubt : before->doubts) options_.tell(doubt);
      copy_rate.before = before->signs;
      break;
    }
    const bool gives_up = before.error().code != Code::kRetry || tries * options_.poll_us >= options_.away_max_us;
    if (gives_up) return tl::unexpected(before.error());
    options_.tell(before.error().message + "; trying again");
    clock_.sleep_us(options_.poll_us);
  }
  return save();
}

Status Executor::keep_copy_rate(const State& state, const Standing& standing) {
  JournalCopyRate& copy_rate = journal_.copy_rate;
  const env::TimeUs now_us = clock_.monotonic_us();
  if (!copy_rate.bounds.adapts || standing.under_way.empty() || now_us < fares_at_us_) return {};
  fares_at_us_ = now_us + options_.fares_us;
  const double now_s = static_cast<double>(now_us) / 1e6;
  // The first look of this process may lower it at once, and raises it after a while of its own.
  if (copy_rate_.bytes_per_s <= 0) copy_rate_ = {rate(), now_s - kSettleS, now_s};
  copy_rate_.bytes_per_s = rate();  // a wave may have begun at another one

  const auto seen = port_.fares(standing.moving);
  if (!seen && seen.error().code != Code::kRetry) return tl::unexpected(seen.error());
  // A cluster that does not answer does not fare well.
  const std::optional<std::string> hurts =
      seen ? suffering_of(copy_rate.before.value_or(Signs()), seen->signs, copy_rate.bounds) : seen.error().message;
  const double most = journal_.limits.throttle_bytes_per_s;
  const double converging = converging_rate(state, moves_in(state, standing.under_way));
  copy_rate_ =
      next_copy_rate(copy_rate_, hurts.has_value(), {std::max(copy_rate.least_bytes_per_s, converging), most}, now_s);
  const double wanted = std::floor(copy_rate_.bytes_per_s);
  if (wanted == std::floor(rate()) && rate_set_ == rate()) return {};
  if (wanted != std::floor(rate())) {
    options_.tell(fmt::format("the throttle is {} from {} to {}{}", wanted < rate() ? "lowered" : "raised",
                              rate_text(rate()), rate_text(wanted), hurts ? ": " + *hurts : ""));
    copy_rate.bytes_per_s = wanted;
    FRESHET_TRY(save());
  }
  // Also where it did not change: one that was killed after it had saved, and before brokers knew, sets it here.
  bool between = false, within = false;
  for (const JournalMove& move : standing.under_way) (move.is_within_broker() ? within : between) = true;
  FRESHET_TRY(set(rate_changes(state, between, within, rate())));
  rate_set_ = rate();
  return {};
}

bool Executor::is_closed() const {
  if (options_.windows.empty()) return false;
  const int64_t now_s = seconds_of(clock_.now_us());
  const auto span = options_.windows.next(now_s);
  return !span || span->begin_s > now_s;
}

Result<bool> Executor::may_begin(double duration_s) {
  const int64_t now_s = seconds_of(clock_.now_us());
  const auto begin_s = options_.windows.next_fit(now_s, duration_s);
  const std::string wave = fmt::format("wave {} of {}", journal_.wave + 1, journal_.waves.size());
  if (!begin_s)
    return fail(Code::kConflict,
                fmt::format("{} takes {} at most at {}, and no window of maintenance is longer than {}: a higher "
                            "throttle, fewer moves at once or a longer window would help",
                            wave, duration_text(duration_s), rate_text(rate()),
                            duration_text(options_.windows.longest_s(now_s))));
  if (*begin_s <= now_s) return true;
  // Until then nothing needs to be looked at; what others do meanwhile is seen when the wave is proved anew.
  window_at_us_ = *begin_s * 1'000'000;
  options_.tell(
      fmt::format("{} takes {} at most: it waits for {}", wave, duration_text(duration_s), moment_text(*begin_s)));
  return false;
}

}  // namespace freshet::fleet::rebalance
