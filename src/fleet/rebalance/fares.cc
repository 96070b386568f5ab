// Lags are summed over the partitions of a topic, so that one that gets little does not show a large lag for a message.
#include "fleet/rebalance/fares.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "fleet/watch/lag.h"

namespace freshet::fleet::rebalance {
namespace {

using Ends = std::map<std::string, const TopicSeen*>;

// How many messages came into a partition, if both looks saw it.
int64_t came(const TopicSeen* before, uint32_t partition, const PartitionSeen& now) {
  if (before == nullptr || partition >= before->partitions.size()) return 0;
  const int64_t end = before->partitions[partition].end;
  return end < 0 || now.end < end ? 0 : now.end - end;
}

}  // namespace

uint32_t under_replicated(const Look& look, const std::vector<Moving>& moving) {
  std::set<std::pair<std::string, uint32_t>> ours;
  for (const Moving& one : moving) ours.emplace(one.topic, static_cast<uint32_t>(one.partition));
  uint32_t count = 0;
  for (const TopicSeen& topic : look.topics)
    for (uint32_t p = 0; p < topic.partitions.size(); ++p)
      if (topic.partitions[p].in_sync < topic.partitions[p].replicas && !ours.contains({topic.name, p})) ++count;
  return count;
}

double lag_s(const Look& before, const Look& now) {
  const double seconds = static_cast<double>(now.at_us - before.at_us) / 1e6;
  if (seconds <= 0) return 0;
  Ends ends;
  for (const TopicSeen& topic : before.topics) ends[topic.name] = &topic;
  double worst = 0;
  for (const GroupLook& group : now.groups) {
    // Who is not there falls behind whatever we do.
    if (!group.has_members) continue;
    std::map<uint32_t, std::pair<int64_t, int64_t>> topics;  // messages that wait, and that came
    for (const CommittedSeen& place : group.committed) {
      const TopicSeen& topic = now.topics.at(place.topic);
      const PartitionSeen& partition = topic.partitions.at(place.partition);
      if (partition.start < 0 || partition.end < 0) continue;
      const int64_t lag = waiting_of(partition.start, partition.end, place.offset).lag;
      auto& [waits, came_in] = topics[place.topic];
      if (lag > kLagAllowed) waits += lag;
      const auto seen = ends.find(topic.name);
      came_in += came(seen == ends.end() ? nullptr : seen->second, place.partition, partition);
    }
    for (const auto& [topic, counts] : topics)
      if (counts.second > 0)
        worst = std::max(worst, static_cast<double>(counts.first) * seconds / static_cast<double>(counts.second));
  }
  return worst;
}

}  // namespace freshet::fleet::rebalance
