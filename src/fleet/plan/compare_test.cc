#include "fleet/plan/compare.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "fleet/rates.h"
#include "testing/planned_fleets.h"

namespace freshet::fleet {
namespace {

TEST(Merged, CopiesBecomeTheOriginal) {
  Topology fleet = shop();
  fleet.topics[fleet.find_topic(1, "orders")].retention_us = 7 * 86'400'000'000;
  const Topology one = merged(fleet);
  ASSERT_EQ(one.clusters.size(), 1u);
  EXPECT_EQ(one.clusters[0].zones.size(), 3u);
  EXPECT_TRUE(one.mirrors.empty());
  ASSERT_EQ(one.topics.size(), 2u);
  EXPECT_EQ(one.topics[0].name, "orders");
  EXPECT_EQ(one.topics[0].messages_per_s, 1000);
  EXPECT_EQ(one.topics[0].retention_us, 7 * 86'400'000'000);  // the longest of the copies
  const Rates rates = rates_of(one);
  EXPECT_EQ(rates.topics[0].readers, 1u);  // billing, no mirror
  EXPECT_EQ(rates.topics[1].readers, 1u);
}

TEST(Merged, OwnMessagesOfACopyAreKept) {
  Topology fleet = shop();
  fleet.topics[fleet.find_topic(1, "orders")].messages_per_s = 1500;
  EXPECT_EQ(merged(fleet).topics[0].messages_per_s, 1500);
}

TEST(Merged, OneNameForTwoTopicsIsMadeTwo) {
  const Topology fleet = parse_fleet(
      "fleet: f\nregions: [{name: r, zones: [a]}]\nclusters: [{name: x}, {name: y}]\n"
      "topics: [{name: t, cluster: x, messages_per_second: 1}, {name: t, cluster: y, messages_per_second: 2}]\n");
  const Topology one = merged(fleet);
  ASSERT_EQ(one.topics.size(), 2u);
  EXPECT_EQ(one.topics[0].name, "t");
  EXPECT_EQ(one.topics[1].name, "y.t");
}

TEST(Merged, RegionsStayApartAndAreMirroredOnce) {
  const Topology fleet = parse_fleet(
      "fleet: f\nregions: [{name: r, zones: [a]}, {name: s, zones: [b]}]\n"
      "clusters: [{name: x, region: r}, {name: y, region: s}, {name: z, region: s}]\n"
      "topics: [{name: t, cluster: x, messages_per_second: 5}]\n"
      "mirrors: [{from: x, to: y, topics: [t]}, {from: x, to: z, topics: [t]}]\n"
      "services: [{name: p, produces: [{cluster: x, topics: [t]}]},\n"
      "  {name: c, consumes: [{cluster: y, topics: [t]}]}, {name: d, consumes: [{cluster: z, topics: [t]}]}]\n");
  const Topology two = merged(fleet);
  ASSERT_EQ(two.clusters.size(), 2u);
  ASSERT_EQ(two.topics.size(), 2u);
  EXPECT_EQ(two.topics[1].cluster, 1u);
  EXPECT_EQ(two.topics[1].messages_per_s, 5);
  ASSERT_EQ(two.mirrors.size(), 1u);
  EXPECT_EQ(two.mirrors[0].topics.size(), 1u);
  EXPECT_EQ(rates_of(two).topics[1].readers, 2u);
}

TEST(BlastRadius, OfTheShop) {
  const BlastRadius split = blast_radius_of(shop());
  EXPECT_NEAR(split.services_worst, 1.0 / 3, 1e-9);  // each cluster has one of three services
  EXPECT_NEAR(split.services_mean, 1.0 / 3, 1e-9);
  EXPECT_NEAR(split.fed_worst, 1, 1e-9);        // all eat what front gives
  EXPECT_NEAR(split.traffic_worst, 0.5, 1e-9);  // front has as much as both others
  const BlastRadius whole = blast_radius_of(merged(shop()));
  EXPECT_EQ(whole.services_worst, 1);
  EXPECT_EQ(whole.services_mean, 1);
  EXPECT_EQ(whole.traffic_worst, 1);
}

RC_GTEST_PROP(Merged, NoMessageIsLostOrMade, ()) {
  const Topology fleet = some_shop();
  double sent = 0, kept = 0;
  for (const Topic& topic : fleet.topics) {
    double copied = 0;
    for (const Mirror& mirror : fleet.mirrors) {
      for (const MirroredTopic& pair : mirror.topics) {
        if (&fleet.topics[pair.to] == &topic) copied += fleet.topics[pair.from].messages_per_s;
      }
    }
    sent += std::max(0.0, topic.messages_per_s - copied);
  }
  for (const Topic& topic : merged(fleet).topics) kept += topic.messages_per_s;
  RC_ASSERT(std::abs(sent - kept) <= 1e-6 * (1 + sent));
}

}  // namespace
}  // namespace freshet::fleet
