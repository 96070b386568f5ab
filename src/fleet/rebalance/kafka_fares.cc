// How a living cluster fares, without JMX: partitions in sync and lags from looks at it, and how long brokers take for
// a small request. That one waits in the same queue, for the same threads, as those of producers and consumers.
#include <algorithm>
#include <array>

#include "cluster/protocol/errors.h"
#include "fleet/rebalance/fares.h"
#include "fleet/rebalance/kafka_port.h"

namespace freshet::fleet::rebalance {
namespace {

using namespace cluster::protocol;

constexpr size_t kRequests = 3;  // to each broker; the middle one counts, so that one pause of a heap does not

}  // namespace

Result<Look> KafkaPort::look_at_groups() {
  if (looks_ == nullptr) return Look();
  if (!looked_) {
    FRESHET_ASSIGN(looked_, looks_->look());
    clock_.sleep_us(options_.rate_window_us);
  }
  return looks_->look();
}

// Of the slowest broker. Those that lead nothing that was seen have no part in what producers and consumers wait for.
Result<double> KafkaPort::slowest_answer_s() {
  double slowest = 0;
  for (const auto& [broker, partition] : led_) {
    if (broker < 0) continue;
    ListOffsetsRequest request;
    request.topics = {{partition.first, {{partition.second, -1, kLatest}}}};
    std::array<double, kRequests> times{};
    for (double& seconds : times) {
      const env::TimeUs begin_us = clock_.monotonic_us();
      const auto answer = client_->ask(broker, request);
      // One that is down is seen by what is not in sync.
      if (!answer && answer.error().code != Code::kNotFound) return tl::unexpected(answer.error());
      seconds = static_cast<double>(clock_.monotonic_us() - begin_us) / 1e6;
    }
    std::sort(times.begin(), times.end());
    slowest = std::max(slowest, times[kRequests / 2]);
  }
  return slowest;
}

Result<Seen> KafkaPort::fares(const std::vector<Moving>& moving) {
  if (led_.empty()) FRESHET_TRY(look_once());
  Seen seen;
  FRESHET_ASSIGN(Look now, look_at_groups());
  seen.doubts = now.doubts;
  seen.signs.under_replicated = under_replicated(now, moving);
  if (looked_) seen.signs.lag_s = lag_s(*looked_, now);
  // A window that is too short shows bursts, one that is too long what is over.
  if (looked_ && now.at_us - looked_->at_us >= options_.lag_window_us) looked_ = std::move(now);
  FRESHET_ASSIGN(seen.signs.latency_s, slowest_answer_s());
  return seen;
}

}  // namespace freshet::fleet::rebalance
