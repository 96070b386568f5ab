#include "fleet/plan/placement.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace freshet::fleet {
namespace {

// Brokers over zones in turn.
std::vector<uint32_t> zones_in_turn(uint32_t brokers, uint32_t zones) {
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < brokers; ++i) out.push_back(i % zones);
  return out;
}

uint32_t between(uint32_t low, uint32_t high) { return *rc::gen::inRange(low, high + 1); }

std::vector<TopicToPlace> some_topics(uint32_t replication_max) {
  std::vector<TopicToPlace> topics(between(1, 12));
  for (size_t i = 0; i < topics.size(); ++i) {
    const double load = between(1, 1000);
    topics[i] = {.name = "t" + std::to_string(i),
                 .partitions = between(1, 40),
                 .replication = between(1, replication_max),
                 .replica_bytes = static_cast<double>(between(0, 1000)),
                 .leader_load = load,
                 .follower_load = load / 5};
  }
  return topics;
}

struct Counts {
  std::vector<uint32_t> leaders, replicas;
};

Counts count(const PlacedTopic& topic, size_t brokers) {
  Counts counts{std::vector<uint32_t>(brokers), std::vector<uint32_t>(brokers)};
  for (size_t i = 0; i < topic.replicas.size(); ++i) {
    ++counts.replicas[topic.replicas[i].broker];
    if (i % topic.replication == 0) ++counts.leaders[topic.replicas[i].broker];
  }
  return counts;
}

template <class T>
T spread(const std::vector<T>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *high - *low;
}

RC_GTEST_PROP(Placement, EachTopicIsBalancedWithinOne, ()) {
  const uint32_t zones = between(1, 4), per_zone = between(1, 8);
  const std::vector<TopicToPlace> topics = some_topics(zones);
  const Placement placement = place(topics, zones_in_turn(zones * per_zone, zones), between(1, 4));
  for (const PlacedTopic& topic : placement.topics) {
    const Counts counts = count(topic, placement.brokers.size());
    RC_ASSERT(spread(counts.leaders) <= 1u);
    RC_ASSERT(spread(counts.replicas) <= 1u);
  }
}

RC_GTEST_PROP(Placement, ReplicasAreInAsManyZonesAsThereAre, ()) {
  const uint32_t zones = between(1, 4), brokers = between(zones, 12);
  const std::vector<TopicToPlace> topics = some_topics(std::min(brokers, 5u));
  const Placement placement = place(topics, zones_in_turn(brokers, zones), 1);
  for (size_t t = 0; t < topics.size(); ++t) {
    for (uint32_t p = 0; p < topics[t].partitions; ++p) {
      std::set<uint32_t> used_brokers, used_zones;
      for (const Replica& replica : placement.topics[t].of(p)) {
        used_brokers.insert(replica.broker);
        used_zones.insert(placement.brokers[replica.broker].zone);
      }
      RC_ASSERT(used_brokers.size() == topics[t].replication);
      RC_ASSERT(used_zones.size() == std::min(topics[t].replication, zones));
    }
  }
}

RC_GTEST_PROP(Placement, LogDirsDifferByTheLargestReplicaAtMost, ()) {
  const uint32_t brokers = between(3, 9);
  const std::vector<TopicToPlace> topics = some_topics(3);
  const Placement placement = place(topics, zones_in_turn(brokers, 3), between(2, 6));
  std::vector<double> largest(brokers);
  for (size_t t = 0; t < topics.size(); ++t) {
    for (const Replica& replica : placement.topics[t].replicas)
      largest[replica.broker] = std::max(largest[replica.broker], topics[t].replica_bytes);
  }
  for (uint32_t b = 0; b < brokers; ++b) RC_ASSERT(spread(placement.brokers[b].dir_bytes) <= largest[b] + 1e-6);
}

RC_GTEST_PROP(Placement, TheOrderOfTopicsChangesNothing, ()) {
  const std::vector<TopicToPlace> topics = some_topics(3);
  std::vector<TopicToPlace> reversed(topics.rbegin(), topics.rend());
  const std::vector<uint32_t> zones = zones_in_turn(between(3, 9), 3);
  const Placement once = place(topics, zones, 2), again = place(reversed, zones, 2);
  for (size_t t = 0; t < topics.size(); ++t)
    RC_ASSERT(once.topics[t].replicas == again.topics[topics.size() - 1 - t].replicas);
}

RC_GTEST_PROP(Placement, TotalsAreThoseOfTheTopics, ()) {
  const std::vector<TopicToPlace> topics = some_topics(3);
  const Placement placement = place(topics, zones_in_turn(5, 3), 2);
  double bytes = 0, placed_bytes = 0;
  uint32_t partitions = 0, leaders = 0, replicas = 0, placed_replicas = 0;
  for (const TopicToPlace& topic : topics) {
    partitions += topic.partitions;
    replicas += topic.partitions * topic.replication;
    bytes += topic.replica_bytes * topic.partitions * topic.replication;
  }
  for (const PlacedBroker& broker : placement.brokers) {
    leaders += broker.leaders;
    placed_replicas += broker.replicas;
    placed_bytes += broker.bytes();
  }
  RC_ASSERT(leaders == partitions);
  RC_ASSERT(placed_replicas == replicas);
  RC_ASSERT(std::abs(bytes - placed_bytes) <= 1e-9 * bytes);
}

TEST(Placement, OneHotTopicDoesNotFillOneBroker) {
  const std::vector<TopicToPlace> topics = {{"hot", 9, 3, 500, 10, 2}, {"a", 4, 3, 100, 1, 1}, {"b", 5, 3, 100, 1, 1}};
  const Placement placement = place(topics, zones_in_turn(9, 3), 1);
  std::vector<double> bytes;
  for (const PlacedBroker& broker : placement.brokers) bytes.push_back(broker.bytes());
  EXPECT_LE(spread(bytes), 100);
}

TEST(Placement, AZoneAwayLeavesEveryPartitionWritable) {
  const std::vector<TopicToPlace> topics = {{"a", 12, 3, 1, 1, 1}, {"once", 6, 1, 1, 1, 1}};
  const std::vector<uint32_t> zones = zones_in_turn(6, 3), min_isr = {2, 1};
  const Placement placement = place(topics, zones, 1);
  std::vector<bool> away(6);
  EXPECT_EQ(availability(placement, min_isr, away).offline, 0u);
  for (size_t b = 0; b < 6; ++b) away[b] = zones[b] == 0;
  const Availability left = availability(placement, min_isr, away);
  EXPECT_EQ(left.partitions, 18u);
  EXPECT_EQ(left.offline, 2u);  // of "once", which has no other replica
  EXPECT_EQ(left.read_only, 0u);
  for (size_t b = 0; b < 6; ++b) away[b] = zones[b] != 2;
  EXPECT_EQ(availability(placement, min_isr, away).read_only, 12u);
}

}  // namespace
}  // namespace freshet::fleet
