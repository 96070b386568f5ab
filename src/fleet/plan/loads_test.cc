#include "fleet/plan/loads.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "testing/planned_fleets.h"

namespace freshet::fleet {
namespace {

using ::testing::HasSubstr;

TEST(Loads, AreSumsOverTopics) {
  const Topology fleet = shop();
  const std::vector<Load> loads = loads_of(fleet, rates_of(fleet));
  const Load& front = loads[0];
  EXPECT_DOUBLE_EQ(front.average.in_bytes, 1000 * 1000 + 8000 * 500);
  EXPECT_DOUBLE_EQ(front.peak.in_bytes, 2 * 5e6);
  EXPECT_DOUBLE_EQ(front.peak.replicated_bytes, 2 * 5e6 * 2);
  EXPECT_DOUBLE_EQ(front.peak.out_bytes, 2 * 5e6);  // each topic has one mirror
  EXPECT_DOUBLE_EQ(front.peak.messages_in, 18'000);
  // An hour of it, and a segment of each partition more.
  const double segment = static_cast<double>(1ull << 30);
  EXPECT_DOUBLE_EQ(kept_bytes(front, 3), (5e6 * 3600 + 36 * segment) * 3);
  EXPECT_DOUBLE_EQ(kept_bytes(front, 2), (5e6 * 3600 + 36 * segment) * 2);
  EXPECT_DOUBLE_EQ(front.largest_replica_bytes, 4e6 * 3600 / 24 + segment);
  EXPECT_EQ(replicas(front, 3), 36 * 3);
  EXPECT_EQ(front.senders.size(), 1u);
  EXPECT_DOUBLE_EQ(loads[1].average.in_bytes, 1e6);
  EXPECT_TRUE(loads[1].senders.empty());
}

// Three zones: two thirds of clients are elsewhere, both followers are.
TEST(Loads, CrossZones) {
  const Topology fleet = shop();
  const std::vector<double> bytes = cross_zone_bytes_of(fleet, rates_of(fleet));
  EXPECT_NEAR(bytes[0], 5e6 * (2.0 / 3 + 2) + 5e6 * 2 / 3, 1);
  Topology one_zone = fleet;
  for (Cluster& cluster : one_zone.clusters) cluster.zones = {"us-east-1a"};
  EXPECT_EQ(cross_zone_bytes_of(one_zone, rates_of(one_zone))[0], 0);
}

TEST(Loads, RateChangesAreParsed) {
  EXPECT_EQ(parse_rate_change("orders=2x")->topic, "orders");
  EXPECT_EQ(parse_rate_change("front/orders=1.5x")->factor, 1.5);
  for (const char* text : {"orders", "orders=2", "=2x", "orders=x", "orders=-1x", "orders=1e9x", "orders=nanx", ""})
    EXPECT_FALSE(parse_rate_change(text)) << text;
}

TEST(Loads, MirrorsPassChangesOn) {
  Topology fleet = shop();
  ASSERT_TRUE(project(fleet, 0, {{"orders", 3}}));
  EXPECT_DOUBLE_EQ(fleet.topics[0].messages_per_s, 3000);
  EXPECT_DOUBLE_EQ(fleet.topics[1].messages_per_s, 8000);
  EXPECT_DOUBLE_EQ(fleet.topics[fleet.find_topic(1, "orders")].messages_per_s, 3000);  // once, not nine times
  Topology only_copy = shop();
  ASSERT_TRUE(project(only_copy, 0, {{"orders/orders", 3}}));
  EXPECT_DOUBLE_EQ(only_copy.topics[0].messages_per_s, 1000);
  EXPECT_DOUBLE_EQ(only_copy.topics[only_copy.find_topic(1, "orders")].messages_per_s, 3000);
}

TEST(Loads, TheClosestReplicaCostsNoTrafficBetweenZones) {
  Topology fleet = shop();
  const double from_leader = cross_zone_bytes_of(fleet, rates_of(fleet))[0];
  fleet.clusters[0].read_from = ReadFrom::kClosest;
  const Rates rates = rates_of(fleet);
  const double closest = cross_zone_bytes_of(fleet, rates)[0];
  // Three replicas in three zones: every reader has one in its own.
  double read = 0;
  for (size_t i = 0; i < fleet.topics.size(); ++i) {
    if (fleet.topics[i].cluster == 0) read += rates.topics[i].out_bytes_per_s;
  }
  ASSERT_EQ(fleet.clusters[0].zones.size(), 3U);
  EXPECT_NEAR(from_leader - closest, read * 2 / 3, 1e-6 * from_leader);
}

TEST(Loads, WhatIsTieredIsKeptOnceAndSentOnce) {
  Topology fleet = shop();
  const Rates before = rates_of(fleet);
  const Load whole = loads_of(fleet, before)[0];
  Topic& topic = fleet.topics[0];
  topic.local_retention_us = topic.retention_us / 4;
  const Rates after = rates_of(fleet);
  const Load tiered = loads_of(fleet, after)[0];
  EXPECT_NEAR(after.topics[0].kept_bytes, before.topics[0].kept_bytes / 4, 1);
  EXPECT_NEAR(after.topics[0].remote_bytes, before.topics[0].kept_bytes, 1);
  EXPECT_NEAR(tiered.average.out_bytes - whole.average.out_bytes, before.topics[0].in_bytes_per_s, 1e-6);
}

TEST(Loads, GrowthCompounds) {
  Topology fleet = shop();
  ASSERT_TRUE(project(fleet, 12, {}));
  EXPECT_NEAR(fleet.topics[0].messages_per_s, 1000 * std::pow(1.05, 12), 1e-6);
  EXPECT_NEAR(fleet.topics[fleet.find_topic(1, "orders")].messages_per_s, 1000 * std::pow(1.05, 12), 1e-6);
}

TEST(Loads, AnUnknownTopicIsSaid) {
  Topology fleet = shop();
  const Status status = project(fleet, 0, {{"order", 2}});
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("did you mean \"orders\"?"));
  EXPECT_EQ(fleet.topics[0].messages_per_s, 1000);
}

TEST(Loads, RatesThatCantBeCountedAreRefused) {
  Topology fleet = shop();
  const std::vector<RateChange> changes(150, {"*", 1000});  // together more than a double can hold
  const Status status = project(fleet, 0, changes);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("front/orders"));
  EXPECT_EQ(fleet.topics[0].messages_per_s, 1000);
}

RC_GTEST_PROP(Loads, TwoStepsOfGrowthAreOne, ()) {
  const Topology fleet = some_shop();
  const int first = *rc::gen::inRange(0, 20), second = *rc::gen::inRange(0, 20);
  Topology once = fleet, twice = fleet;
  RC_ASSERT(project(once, first + second, {}).has_value());
  RC_ASSERT(project(twice, first, {}).has_value());
  RC_ASSERT(project(twice, second, {}).has_value());
  for (size_t i = 0; i < 2; ++i) {  // topics that no mirror writes
    const double a = once.topics[i].messages_per_s, b = twice.topics[i].messages_per_s;
    RC_ASSERT(std::abs(a - b) <= 1e-6 * (1 + a));
  }
}

}  // namespace
}  // namespace freshet::fleet
