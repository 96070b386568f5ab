#include "fleet/change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet/topology_yaml.h"
#include "testing/project_path.h"

namespace freshet::fleet {
namespace {

using Kind = Change::Kind;

Topology small() {
  yaml::Problems problems(project_path("examples/fleet/small.yaml"));
  auto fleet = load_topology(problems.file(), problems);
  EXPECT_EQ(problems.text(), "");
  return fleet ? std::move(*fleet) : Topology{};
}

TEST(Change, SetsAKey) {
  Topology fleet = small();
  EXPECT_TRUE(apply({Kind::kTopic, 0, "partitions", "24"}, fleet));
  EXPECT_TRUE(apply({Kind::kCluster, 0, "volumes.size", "1TiB"}, fleet));
  EXPECT_TRUE(apply({Kind::kCluster, 0, "zones", "[us-east-1a]"}, fleet));
  EXPECT_TRUE(apply({Kind::kProducer, 0, "linger", "50ms"}, fleet));
  EXPECT_TRUE(apply({Kind::kService, 1, "instances", "9"}, fleet));
  EXPECT_EQ(fleet.topics[0].partitions, 24U);
  EXPECT_EQ(fleet.clusters[0].volumes.size_bytes, 1ull << 40);
  EXPECT_EQ(fleet.clusters[0].volumes.count, 1U);
  EXPECT_EQ(fleet.clusters[0].zones.size(), 1U);
  EXPECT_EQ(fleet.producers[0].linger_us, 50'000);
  EXPECT_EQ(fleet.services[1].instances_max, 9U);
  EXPECT_EQ(fleet.topics[0].name, "orders");
  EXPECT_EQ(place_of(fleet, Kind::kTopic, 0, "retention"), small().topics[0].where.of("retention"));
}

TEST(Change, RefusesWhatIsNoKeyOrNoValue) {
  Topology fleet = small();
  EXPECT_FALSE(apply({Kind::kTopic, 0, "partitions", "none"}, fleet));
  EXPECT_FALSE(apply({Kind::kTopic, 0, "partition", "3"}, fleet));
  EXPECT_FALSE(apply({Kind::kTopic, 0, "name", "x"}, fleet));
  EXPECT_FALSE(apply({Kind::kTopic, 9, "partitions", "3"}, fleet));
  EXPECT_EQ(fleet.topics[0].partitions, 6U);
}

TEST(Change, NamesWhatItIsAbout) {
  const Topology fleet = small();
  EXPECT_EQ(subject_of(fleet, Kind::kTopic, 1), "topic main/clicks");
  EXPECT_EQ(subject_of(fleet, Kind::kProducer, 0), "producer shop-web/main");
  EXPECT_EQ(subject_of(fleet, Kind::kConsumer, 1), "consumer recommendations/main");
}

}  // namespace
}  // namespace freshet::fleet
