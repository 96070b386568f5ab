#include "fleet/rates.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "fleet/topology_yaml.h"

namespace freshet::fleet {
namespace {

Topology fleet_of(const std::string& text) {
  yaml::Problems problems("f");
  auto fleet = parse_topology(
      "fleet: f\nregions: [{name: r, zones: [a]}]\nclusters: [{name: front}, {name: back}]\n" + text, problems);
  EXPECT_EQ(problems.text(), "");
  return fleet ? std::move(*fleet) : Topology{};
}

TEST(Rates, OfTopicsAndClusters) {
  const Topology fleet = fleet_of(
      "topics:\n"
      "- {name: t, cluster: front, partitions: 4, messages_per_second: 1000, message_bytes: 600, compression: zstd,\n"
      "   retention: 100s, peak_factor: 3}\n"
      "- {name: s, cluster: back, messages_per_second: 1, message_bytes: 1000, retention: 1d, retention_bytes: 10,\n"
      "   compression: none, replication: 1, partitions: 5}\n"
      "mirrors: [{from: front, to: back, topics: [t]}]\n"
      "services: [{name: a, consumes: [{cluster: back, topics: [t]}]},\n"
      "  {name: b, consumes: [{cluster: back, topics: [t]}, {cluster: back, group: a, topics: [t]}]}]\n");
  const Rates rates = rates_of(fleet);
  EXPECT_DOUBLE_EQ(rates.topics[0].in_bytes_per_s, 200'000);
  EXPECT_EQ(rates.topics[0].readers, 1U);  // the mirror
  EXPECT_DOUBLE_EQ(rates.topics[0].kept_bytes, 20e6);
  EXPECT_EQ(rates.topics[2].readers, 2U);  // the group a is one
  EXPECT_DOUBLE_EQ(rates.topics[2].out_bytes_per_s, 400'000);
  EXPECT_DOUBLE_EQ(rates.topics[1].kept_bytes, 50);  // by size, of 5 partitions
  EXPECT_DOUBLE_EQ(rates.clusters[0].in_bytes_per_s_peak, 600'000);
  EXPECT_EQ(rates.clusters[0].replicas, 12U);
  const double segments = 4 * static_cast<double>(1ull << 30);
  EXPECT_DOUBLE_EQ(rates.topics[0].segment_bytes, segments);
  EXPECT_DOUBLE_EQ(rates.topics[1].segment_bytes, 1000.0 * 7 * 86400) << "older than it is large";
  EXPECT_DOUBLE_EQ(rates.clusters[1].kept_bytes, 3 * (20e6 + segments) + 50 + 1000.0 * 7 * 86400);
}

// What deletes is whole segments, so a partition has up to one more than it is to keep.
TEST(Rates, APartitionKeepsUpToASegmentMore) {
  const auto segments = [](const std::string& keys, const std::string& brokers = "{}") {
    yaml::Problems problems("f");
    const auto fleet =
        parse_topology("fleet: f\nregions: [{name: r, zones: [a]}]\nclusters: [{name: c, settings: " + brokers +
                           "}]\ntopics: [{name: t, cluster: c, partitions: 2, messages_per_second: "
                           "1000, message_bytes: 1000, compression: none, " +
                           keys + "}]\n",
                       problems);
    EXPECT_EQ(problems.text(), "");
    return fleet ? rates_of(*fleet).topics[0].segment_bytes : -1;
  };
  const double whole = 2 * static_cast<double>(1ull << 30);
  EXPECT_DOUBLE_EQ(segments("retention: 1m"), whole);
  EXPECT_DOUBLE_EQ(segments("retention: 1d, retention_bytes: 1000"), whole);
  EXPECT_DOUBLE_EQ(segments("retention: 0, cleanup: compact, compacted_bytes: 1GB"), whole) << "the open one";
  EXPECT_EQ(segments("retention: 0"), 0) << "nothing is deleted, so nothing too late";
  EXPECT_DOUBLE_EQ(segments("retention: 1m, settings: {segment.bytes: 1000000}"), 2e6);
  EXPECT_DOUBLE_EQ(segments("retention: 1m, settings: {segment.ms: 60000}"), 60e6) << "1 MB a second";
  EXPECT_DOUBLE_EQ(segments("retention: 1m", "{log.segment.bytes: 3000000, log.roll.ms: 1000}"), 1e6);
  EXPECT_DOUBLE_EQ(segments("retention: 1m", "{log.roll.hours: 1}"), std::min(whole, 3600e6));
  EXPECT_DOUBLE_EQ(segments("retention: 1m, settings: {segment.bytes: 1000000}", "{log.segment.bytes: 3000000}"), 2e6);
}

TEST(Rates, WhatIsBoundByNothingIsKeptForever) {
  const Topology fleet = fleet_of("topics: [{name: t, cluster: back, retention: 0, messages_per_second: 1}]\n");
  EXPECT_TRUE(rates_of(fleet).topics[0].kept_forever);
}

TEST(Rates, CompactionKeepsOneMessageOfAKey) {
  const auto kept = [](const std::string& keys) {
    return rates_of(
               fleet_of(
                   "topics: [{name: t, cluster: back, messages_per_second: 1000, message_bytes: 1000, compression: "
                   "none, " +
                   keys + "}]\n"))
        .topics[0];
  };
  // Twice what compaction leaves, as it begins when as much again has come.
  EXPECT_DOUBLE_EQ(kept("cleanup: compact, retention: 0, compacted_bytes: 1GB").kept_bytes, 2e9);
  EXPECT_FALSE(kept("cleanup: compact, retention: 0, compacted_bytes: 1GB").kept_forever);
  EXPECT_DOUBLE_EQ(kept("cleanup: compact, retention: 10s, compacted_bytes: 1GB").kept_bytes, 2e9)
      << "not deleted by age";
  EXPECT_DOUBLE_EQ(kept("cleanup: compact_delete, retention: 10s, compacted_bytes: 1GB").kept_bytes, 1e7);
  EXPECT_DOUBLE_EQ(kept("cleanup: compact_delete, retention: 1d, compacted_bytes: 1GB").kept_bytes, 2e9);
  EXPECT_DOUBLE_EQ(kept("cleanup: compact, retention: 0").kept_bytes, 365 * 86400 * 1e6) << "not known: a year";
  const std::string settings = "cleanup: compact, retention: 0, compacted_bytes: 1GB, settings: {min.cleanable.dirty.";
  EXPECT_NEAR(kept(settings + "ratio: 0.9}").kept_bytes, 10e9, 1);
  EXPECT_NEAR(kept(settings + "ratio: 0.2}").kept_bytes, 1.25e9, 1);
  const std::string young = "cleanup: compact, compacted_bytes: 1GB, settings: {min.compaction.lag.ms: 86400000}";
  EXPECT_DOUBLE_EQ(kept(young).kept_bytes, 2e9 + 86400 * 1e6) << "what is younger than a day is not looked at";
}

// A topic that says no size has the brokers', which deletes whatever its retention promises.
TEST(Rates, BoundsOfBrokersHoldForTopics) {
  const auto kept = [](const std::string& brokers, const std::string& keys) {
    yaml::Problems problems("f");
    const auto fleet =
        parse_topology("fleet: f\nregions: [{name: r, zones: [a]}]\nclusters: [{name: c, settings: {" + brokers +
                           "}}]\ntopics: [{name: t, partitions: 2, messages_per_second: 1000, message_bytes: 1000, "
                           "compression: none, " +
                           keys + "}]\n",
                       problems);
    EXPECT_EQ(problems.text(), "");
    return fleet ? rates_of(*fleet).topics[0] : TopicRates{};
  };
  EXPECT_DOUBLE_EQ(kept("log.retention.bytes: 1000000", "retention: 1d").kept_bytes, 2e6);
  EXPECT_FALSE(kept("log.retention.bytes: 1000000", "retention: 0").kept_forever);
  EXPECT_DOUBLE_EQ(kept("log.retention.bytes: 1000000", "retention: 1d, retention_bytes: 3MB").kept_bytes, 6e6);
  EXPECT_DOUBLE_EQ(kept("log.retention.bytes: -1", "retention: 1d").kept_bytes, 86400e6);
  const std::string tiers = "retention: 1d, local_retention: 1h";
  EXPECT_DOUBLE_EQ(kept("num.io.threads: 8", tiers).kept_bytes, 3600e6);
  EXPECT_DOUBLE_EQ(kept("log.local.retention.bytes: 1000000", tiers).kept_bytes, 2e6);
  EXPECT_DOUBLE_EQ(
      kept("log.local.retention.bytes: 1000000", tiers + ", settings: {local.retention.bytes: 500000}").kept_bytes,
      1e6);
}

TEST(Rates, ProducersShareWhatATopicGets) {
  const Topology fleet = fleet_of(
      "topics: [{name: t, cluster: back, messages_per_second: 90}]\n"
      "services: [{name: a, produces: [{cluster: back, topics: [t]}]}, {name: b, produces: [{cluster: back, topics: "
      "[t]}]},\n"
      "  {name: c, produces: [{cluster: back, topics: [t], messages_per_second: 7}]}]\n");
  const Rates rates = rates_of(fleet);
  EXPECT_DOUBLE_EQ(rates.producers[0].messages_per_s, 45);
  EXPECT_DOUBLE_EQ(rates.producers[1].messages_per_s, 45);
  EXPECT_DOUBLE_EQ(rates.producers[2].messages_per_s, 7);
}

TEST(Rates, RequestsOfAProducer) {
  const Batching load{.messages_per_s = 1000, .instances = 2, .brokers = 1, .partitions = 10, .message_bytes = 100};
  EXPECT_DOUBLE_EQ(requests_per_s(load, 0, 1 << 20), 2000);                        // each message alone
  EXPECT_NEAR(requests_per_s(load, 9000, 1 << 20), 200, 1e-9);                     // ten of them in a request
  EXPECT_DOUBLE_EQ(requests_per_s(load, 10'000'000, 1000), 2 * 1000 / 10.0 / 10);  // batches fill first
}

RC_GTEST_PROP(Rates, WaitingLongerNeverSendsMoreRequests, ()) {
  const Batching load{.messages_per_s = static_cast<double>(*rc::gen::inRange(1, 100'000)),
                      .instances = static_cast<double>(*rc::gen::inRange(1, 100)),
                      .brokers = static_cast<double>(*rc::gen::inRange(1, 50)),
                      .partitions = static_cast<double>(*rc::gen::inRange(50, 500)),
                      .message_bytes = static_cast<double>(*rc::gen::inRange(1, 5000))};
  const int64_t linger = *rc::gen::inRange(0, 200'000);
  const auto batch = static_cast<uint64_t>(*rc::gen::inRange(1, 1 << 20));
  const double requests = requests_per_s(load, linger, batch);
  RC_ASSERT(requests_per_s(load, linger + 5000, batch) <= requests);
  RC_ASSERT(requests_per_s(load, linger, batch * 2) <= requests);
  RC_ASSERT(requests <= load.messages_per_s * load.instances * 1.000001);
  RC_ASSERT(requests > 0);
}

}  // namespace
}  // namespace freshet::fleet
