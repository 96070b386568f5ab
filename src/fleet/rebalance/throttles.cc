// Kafka's names. The rates of leaders and followers count only for the replicas that topics list as throttled; that of
// log dirs counts for all moves within the broker.
#include "fleet/rebalance/throttles.h"

#include <fmt/core.h>

namespace freshet::fleet::rebalance {
namespace {

constexpr const char* kLeaderRate = "leader.replication.throttled.rate";
constexpr const char* kFollowerRate = "follower.replication.throttled.rate";
constexpr const char* kDirRate = "replica.alter.log.dirs.io.max.bytes.per.second";

}  // namespace

std::vector<Change> rate_changes(const State& state, bool between_brokers, bool within_brokers, double bytes_per_s) {
  std::vector<Change> changes;
  const std::string rate = fmt::format("{:.0f}", bytes_per_s);
  for (const Broker& broker : state.brokers) {
    const std::string id = std::to_string(broker.id);
    if (between_brokers) changes.push_back({Setting::Kind::kBroker, id, kLeaderRate, rate});
    if (between_brokers) changes.push_back({Setting::Kind::kBroker, id, kFollowerRate, rate});
    if (within_brokers) changes.push_back({Setting::Kind::kBroker, id, kDirRate, rate});
  }
  return changes;
}

}  // namespace freshet::fleet::rebalance
