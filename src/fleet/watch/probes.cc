// Outcomes are kept one by one for the window, a few hundred of each broker, so that quantiles are of the probes
// themselves and one slow one is forgotten when it is old.
#include "fleet/watch/probes.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace freshet::fleet {
namespace {

double probe_seconds(env::TimeUs us) { return static_cast<double>(us) / 1e6; }

}  // namespace

std::optional<double> quantile(std::vector<double> values, double of) {
  FRESHET_ASSERT(of > 0 && of <= 1);
  if (values.empty()) return std::nullopt;
  const auto rank = static_cast<size_t>(std::ceil(of * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

void ProbeMemory::note(int32_t id, const ProbeSeen& seen, env::TimeUs at_us) {
  Broker& broker = brokers_[id];
  const bool failed = !seen.error.empty();
  ++broker.probes;
  broker.failures += failed ? 1 : 0;
  broker.failing = failed ? broker.failing + 1 : 0;
  if (failed) broker.error = seen.error;
  broker.outcomes.push_back({at_us, seen.written_us, seen.back_us, failed});
  if (broker.outcomes.size() > kProbesKept) broker.outcomes.pop_front();
}

// A broker that leads nothing any more (it restarts, and others have its partitions) is no broker that fails: what is
// known of it goes with the window.
void ProbeMemory::forget_old(env::TimeUs at_us) {
  for (auto& [id, broker] : brokers_) {
    while (!broker.outcomes.empty() && at_us - broker.outcomes.front().at_us > window_us_) broker.outcomes.pop_front();
    if (std::ranges::none_of(broker.outcomes, &Outcome::failed)) broker.error.clear();
  }
}

// A broker that this round did not probe is not judged by what it did before: its run of failures is over.
ProbeStanding ProbeMemory::take(const Look& look) {
  on_ = look.probes_on;
  brokers_there_ = look.brokers.size();
  for (auto& [id, broker] : brokers_) {
    const bool probed = std::ranges::find(look.probes, id, &ProbeSeen::broker) != look.probes.end();
    if (!probed) broker.failing = 0;
  }
  for (const ProbeSeen& seen : look.probes) note(seen.broker, seen, look.at_us);
  forget_old(look.at_us);
  return standing(look.probes.size());
}

// Only brokers that were probed within the window: one that left the cluster long ago does not fail now.
ProbeStanding ProbeMemory::away(env::TimeUs at_us, const std::string& error) {
  size_t probed = 0;
  for (auto& [id, broker] : brokers_) {
    if (broker.outcomes.empty()) continue;
    ++probed;
    note(id, {.broker = id, .error = error}, at_us);
  }
  forget_old(at_us);
  return standing(probed);
}

// The worst counts: one broker that fails is a cluster that fails, since its partitions are somebody's.
ProbeStanding ProbeMemory::standing(size_t probed) const {
  ProbeStanding out;
  if (!on_) return out;
  out.not_probed = brokers_there_ - std::min(brokers_there_, probed);
  std::vector<double> all;
  out.verdict = ProbeVerdict::kOk;
  for (const auto& [id, broker] : brokers_) {
    if (broker.outcomes.empty()) continue;
    std::vector<double> back, written;
    for (const Outcome& outcome : broker.outcomes) {
      ++out.window_probes;
      out.window_failures += outcome.failed ? 1 : 0;
      if (outcome.failed) continue;
      back.push_back(probe_seconds(outcome.back_us));
      written.push_back(probe_seconds(outcome.written_us));
    }
    all.insert(all.end(), back.begin(), back.end());
    out.brokers.push_back({id, broker.probes, broker.failures, broker.failing, broker.error, quantile(back, 0.5),
                           quantile(back, 0.99), quantile(written, 0.99)});
    if (broker.failing >= kProbeFailsMany) out.verdict = ProbeVerdict::kFails;
  }
  out.p50_s = quantile(all, 0.5);
  out.p99_s = quantile(std::move(all), 0.99);
  if (out.brokers.empty()) out.verdict = ProbeVerdict::kUnknown;
  if (out.verdict == ProbeVerdict::kOk && out.p99_s.value_or(0) >= kProbeSlowS) out.verdict = ProbeVerdict::kSlow;
  return out;
}

}  // namespace freshet::fleet
