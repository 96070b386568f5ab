#include "fleet/plan/placement.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>

#include "base/assert.h"

namespace freshet::fleet {
namespace {

// Zones first, then brokers within a zone, so that both come out even.
//
// Zones: all replicas of the topic are dealt to the zones in turn, `replication` of them for each partition: so a
// partition's zones differ and the zones' totals differ by one at most. With g = gcd(replication, zones) the deal
// repeats after zones / g partitions; the leader is the i-th of a partition's replicas, where i grows by one with each
// repetition: so each zone leads once in every `zones` partitions.
// Brokers: of a zone's leaders each goes to the broker with the fewest of the topic's leaders; then of its followers
// each to the one with the fewest of the topic's replicas.
class Placer {
 public:
  Placer(std::span<const uint32_t> zones, uint32_t log_dirs)
      : topic_leaders_(zones.size()), topic_replicas_(zones.size()) {
    for (const uint32_t zone : zones) brokers_.push_back({.zone = zone, .dir_bytes = std::vector<double>(log_dirs)});
    bytes_.resize(brokers_.size());
    std::map<uint32_t, std::vector<uint32_t>> by_zone;
    for (uint32_t b = 0; b < zones.size(); ++b) by_zone[zones[b]].push_back(b);
    for (auto& [zone, members] : by_zone) zones_.push_back(std::move(members));
  }

  PlacedTopic place(const TopicToPlace& topic) {
    FRESHET_ASSERT(topic.replication >= 1 && topic.replication <= brokers_.size());
    std::fill(topic_leaders_.begin(), topic_leaders_.end(), 0);
    std::fill(topic_replicas_.begin(), topic_replicas_.end(), 0);
    PlacedTopic placed{topic.replication, std::vector<Replica>(size_t{topic.partitions} * topic.replication)};
    // Topics begin where there is least so far: else every topic's odd leader would be in the first zone.
    const uint64_t first = least_loaded_zone();
    const uint64_t zones = zones_.size(), replication = topic.replication;
    const uint64_t common = std::gcd(replication, zones);
    const auto zone_of = [&](uint64_t partition, uint64_t i) {  // of the i-th after the leader
      const uint64_t leader = partition * common / zones % common;
      return (first + partition * replication + (leader + i) % replication) % zones;
    };
    for (uint64_t p = 0; p < topic.partitions; ++p) {
      // All leaders of a topic are placed before its followers: a follower goes where leaders have left room.
      const size_t broker = best_of(zones_[zone_of(p, 0)], {}, [&](size_t b) {
        return std::tuple(topic_leaders_[b], topic_replicas_[b], brokers_[b].load, b);
      });
      placed.replicas[p * replication] = put(topic, broker, true);
    }
    for (uint64_t p = 0; p < topic.partitions; ++p) {
      const std::span<Replica> replicas = std::span(placed.replicas).subspan(p * replication, replication);
      for (uint64_t i = 1; i < replication; ++i)
        replicas[i] = put(topic, follower(zones_[zone_of(p, i)], replicas.first(i)), false);
    }
    return placed;
  }

  std::vector<PlacedBroker> take_brokers() { return std::move(brokers_); }

 private:
  [[nodiscard]] size_t least_loaded_zone() const {
    size_t best = 0;
    double best_load = std::numeric_limits<double>::infinity();
    for (size_t zone = 0; zone < zones_.size(); ++zone) {
      double load = 0;
      for (const uint32_t b : zones_[zone]) load += brokers_[b].load;
      if (load < best_load) std::tie(best, best_load) = std::tuple(zone, load);
    }
    return best;
  }

  // In the zone, or anywhere if all of its brokers have the partition already.
  [[nodiscard]] size_t follower(const std::vector<uint32_t>& zone, std::span<const Replica> taken) const {
    const auto key = [&](size_t b) { return std::tuple(topic_replicas_[b], bytes_[b], b); };
    const size_t found = best_of(zone, taken, key);
    if (found < brokers_.size()) return found;
    std::vector<uint32_t> all(brokers_.size());
    std::iota(all.begin(), all.end(), 0u);
    return best_of(all, taken, key);
  }

  // The candidate that is not taken with the smallest key; brokers_.size() if all are.
  template <class Key>
  [[nodiscard]] size_t best_of(const std::vector<uint32_t>& candidates, std::span<const Replica> taken,
                               const Key& key) const {
    size_t best = brokers_.size();
    for (const uint32_t b : candidates) {
      if (std::any_of(taken.begin(), taken.end(), [&](const Replica& replica) { return replica.broker == b; }))
        continue;
      if (best == brokers_.size() || key(b) < key(best)) best = b;
    }
    return best;
  }

  Replica put(const TopicToPlace& topic, size_t index, bool leader) {
    // No broker left to take would mean a partition with two replicas on one broker.
    FRESHET_ASSERT(index < brokers_.size());
    PlacedBroker& broker = brokers_[index];
    ++topic_replicas_[index];
    ++broker.replicas;
    broker.load += leader ? topic.leader_load : topic.follower_load;
    if (leader) {
      ++topic_leaders_[index];
      ++broker.leaders;
    }
    const auto dir = std::min_element(broker.dir_bytes.begin(), broker.dir_bytes.end());
    *dir += topic.replica_bytes;
    bytes_[index] += topic.replica_bytes;
    return {static_cast<uint32_t>(index), static_cast<uint32_t>(dir - broker.dir_bytes.begin())};
  }

  std::vector<PlacedBroker> brokers_;
  std::vector<double> bytes_;                             // of each broker
  std::vector<std::vector<uint32_t>> zones_;              // their brokers
  std::vector<uint32_t> topic_leaders_, topic_replicas_;  // of the topic that is being placed, by broker
};

}  // namespace

double PlacedBroker::bytes() const { return std::accumulate(dir_bytes.begin(), dir_bytes.end(), 0.0); }

// Large replicas first: those that follow are small enough to level out what the large ones left uneven.
Placement place(std::span<const TopicToPlace> topics, std::span<const uint32_t> zones, uint32_t log_dirs) {
  FRESHET_ASSERT(log_dirs > 0);
  std::vector<size_t> order(topics.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const TopicToPlace &x = topics[a], &y = topics[b];
    return std::tie(y.replica_bytes, y.leader_load, x.name) < std::tie(x.replica_bytes, x.leader_load, y.name);
  });
  // By name last, so that topics that weigh the same come in one order however the file lists them.
  Placer placer(zones, log_dirs);
  Placement placement;
  placement.topics.resize(topics.size());
  for (const size_t index : order) placement.topics[index] = placer.place(topics[index]);
  placement.brokers = placer.take_brokers();
  return placement;
}

Availability availability(const Placement& placement, std::span<const uint32_t> min_isr,
                          const std::vector<bool>& away) {
  FRESHET_ASSERT(min_isr.size() == placement.topics.size() && away.size() == placement.brokers.size());
  Availability out;
  for (size_t t = 0; t < placement.topics.size(); ++t) {
    const PlacedTopic& topic = placement.topics[t];
    FRESHET_ASSERT(topic.replication > 0 && topic.replicas.size() % topic.replication == 0);
    const auto partitions = static_cast<uint32_t>(topic.replicas.size() / topic.replication);
    out.partitions += partitions;
    for (uint32_t partition = 0; partition < partitions; ++partition) {
      uint32_t left = 0;
      for (const Replica& replica : topic.of(partition)) left += away[replica.broker] ? 0 : 1;
      if (left == 0) {
        ++out.offline;
      } else if (left < min_isr[t]) {
        ++out.read_only;
      }
    }
  }
  return out;
}

}  // namespace freshet::fleet
