#include "fleet/plan/capacity.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace freshet::fleet {
namespace {

double& at(PerResource& values, Resource resource) { return values[static_cast<size_t>(resource)]; }

// MB/s for three brokers, replication 3, two consumer groups.
double known(double storage, double ebs, double network_mbit) {
  return sustained_throughput({.brokers = 3,
                               .replication = 3,
                               .consumer_groups = 2,
                               .storage = storage,
                               .ebs = ebs,
                               .network = network_mbit / 8});
}

TEST(Capacity, SustainedThroughputIsThePublishedOne) {
  EXPECT_NEAR(known(125, 78.75, 750), 70.3, 0.05);    // c6g.large
  EXPECT_NEAR(known(125, 148.5, 1250), 117.2, 0.05);  // c6g.xlarge
  EXPECT_NEAR(known(125, 296.9, 2500), 125.0, 0.05);  // c6g.2xlarge, gp3 at 125 MB/s
  EXPECT_NEAR(known(250, 296.9, 2500), 234.4, 0.05);  // c6g.2xlarge, gp3 at 250 MB/s
}

// A load of one topic with this replication and so many groups.
Load uniform(double in_bytes, double replication, double groups) {
  Load load;
  load.peak = {.in_bytes = in_bytes,
               .replicated_bytes = in_bytes * (replication - 1),
               .out_bytes = in_bytes * groups,
               .messages_in = in_bytes / 300};
  load.senders.push_back(
      {.batching = {.messages_per_s = in_bytes / 3000, .instances = 10, .partitions = 12, .message_bytes = 300},
       .linger_us = 5000,
       .batch_bytes = 16384});
  return load;
}

BrokerShape shape(std::string_view instance, double volume_mb_per_s) {
  return {default_prices().find_instance(instance), 1, 500e9, volume_mb_per_s * 1e6};
}

// Where all topics are alike, the use of the bandwidths is the published formula read the other way round.
TEST(Capacity, UseReachesOneAtTheSustainedThroughput) {
  const auto bandwidth_used = [](const Load& load, const BrokerShape& broker) {
    PerResource use = use_of(load, broker, {3, 3}, default_prices());
    return std::max({at(use, Resource::kNetworkOut), at(use, Resource::kVolumes), at(use, Resource::kEbs)});
  };
  EXPECT_NEAR(bandwidth_used(uniform(70.3125e6, 3, 2), shape("c6g.large", 125)), 1, 1e-9);
  EXPECT_NEAR(bandwidth_used(uniform(117.1875e6, 3, 2), shape("c6g.xlarge", 125)), 1, 1e-9);
  EXPECT_NEAR(bandwidth_used(uniform(125e6, 3, 2), shape("c6g.2xlarge", 125)), 1, 1e-9);
  EXPECT_NEAR(bandwidth_used(uniform(234.375e6, 3, 2), shape("c6g.2xlarge", 250)), 1, 1e-9);
}

TEST(Capacity, CpuCountsBytesMessagesAndRequests) {
  Load load;
  load.peak = {.in_bytes = 10e6, .replicated_bytes = 20e6, .out_bytes = 30e6, .messages_in = 1e5};
  // 1e4 requests: one for each message
  load.senders.push_back({.batching = {.messages_per_s = 1e3, .instances = 10, .partitions = 3, .message_bytes = 100},
                          .linger_us = 0,
                          .batch_bytes = 1});
  // 10 * 4000 + 20 * 2200 + 30 * 1300 + 1e5 * 0.6 + 1e4 * 60 us of a core
  PerResource demand = demand_of(load, {3, 3}, default_prices());
  EXPECT_NEAR(at(demand, Resource::kCpu), 0.783, 1e-9);
}

TEST(Capacity, DiskLeavesRoomForAMoveAndForImbalance) {
  Load load;
  load.kept = {{2, 450e9, 10}};
  load.largest_replica_bytes = 10e9;
  PerResource use = use_of(load, shape("c6g.large", 125), {3, 3}, default_prices());
  EXPECT_NEAR(at(use, Resource::kDisk), (300.0 + 20) / 500, 1e-9);
  use = use_of(load, shape("c6g.large", 125), {2, 2}, default_prices());  // one is away for good
  EXPECT_NEAR(at(use, Resource::kDisk), (450.0 + 20) / 500, 1e-9);
  load.kept = {{3, 300e9, 10}};  // where it can't be made anew, the rest keeps what it has
  use = use_of(load, shape("c6g.large", 125), {2, 2}, default_prices());
  EXPECT_NEAR(at(use, Resource::kDisk), (300.0 + 20) / 500, 1e-9);
}

TEST(Capacity, NoBrokersLeftIsNoCapacity) {
  PerResource use = use_of(uniform(1e6, 3, 1), shape("c6g.large", 125), {0, 3}, default_prices());
  EXPECT_TRUE(std::isinf(at(use, Resource::kCpu)));
  EXPECT_EQ(tightest(parts_of(use, limits_of(default_prices()))), Resource::kCpu);
}

TEST(Capacity, PartitionsAreLimitedByBrokerAndByCluster) {
  Load load;
  load.kept = {{3, 0, 1000}};
  PerResource use = use_of(load, shape("c6g.large", 125), {4, 4}, default_prices());
  EXPECT_NEAR(at(use, Resource::kPartitions), 0.75, 1e-9);
  load.kept = {{5, 0, 50'000}};
  use = use_of(load, shape("c6g.4xlarge", 125), {1000, 1000}, default_prices());
  EXPECT_NEAR(at(use, Resource::kPartitions), 1.25, 1e-9);
}

Load some_load() {
  const auto number = [](int most) { return static_cast<double>(*rc::gen::inRange(0, most)); };
  Load load = uniform(number(1'000'000) * 1e3, 1 + number(3), number(6));
  load.kept = {{1u + static_cast<uint32_t>(number(5)), number(1'000'000) * 1e6, number(20'000)}};
  load.largest_replica_bytes = number(1000) * 1e6;
  return load;
}

RC_GTEST_PROP(Capacity, MoreLoadNeverUsesLess, ()) {
  const Load load = some_load();
  Load more = load;
  const Load extra = some_load();
  more.peak.in_bytes += extra.peak.in_bytes;
  more.peak.replicated_bytes += extra.peak.replicated_bytes;
  more.peak.out_bytes += extra.peak.out_bytes;
  more.peak.messages_in += extra.peak.messages_in;
  more.senders.insert(more.senders.end(), extra.senders.begin(), extra.senders.end());
  more.kept.insert(more.kept.end(), extra.kept.begin(), extra.kept.end());
  more.largest_replica_bytes += extra.largest_replica_bytes;
  const auto brokers = static_cast<double>(*rc::gen::inRange(1, 40));
  const PerResource before = use_of(load, shape("c6g.xlarge", 125), {brokers, brokers}, default_prices());
  const PerResource after = use_of(more, shape("c6g.xlarge", 125), {brokers, brokers}, default_prices());
  const PerResource fewer = use_of(load, shape("c6g.xlarge", 125), {brokers - 1, brokers - 1}, default_prices());
  for (size_t i = 0; i < kResources; ++i) {
    RC_ASSERT(after[i] >= before[i]);
    RC_ASSERT(fewer[i] >= before[i]);
  }
}

}  // namespace
}  // namespace freshet::fleet
