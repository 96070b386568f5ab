// What clusters refuse, found before they are asked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "fleet/lint/lint.h"
#include "fleet/topology_yaml.h"

namespace freshet::fleet {
namespace {

using testing::HasSubstr;

std::string cluster_with(const std::string& keys) {
  return "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, " + keys + "}]\n";
}

// What the rule finds, a line each.
std::string evidence_of(std::string_view rule, const std::string& text) {
  yaml::Problems problems("f.yaml");
  const auto fleet = parse_topology(text, problems);
  EXPECT_EQ(problems.text(), "") << text;
  std::string out;
  if (!fleet) return out;
  for (const Finding& finding : lint(*fleet).findings)
    if (finding.rule->id == rule) out += finding.evidence + "\n";
  return out;
}

// Kafka makes them when the first group or transaction comes, and never where a number is too high.
TEST(Refused, TopicsThatKafkaMakesForItself) {
  const auto evidence = [](const std::string& keys) { return evidence_of("own-topics", cluster_with(keys)); };
  EXPECT_EQ(evidence("brokers: 1, zones: [a], settings: {transaction.state.log.replication.factor: 3}"),
            "transaction.state.log.replication.factor: 3, and 1 broker: no transaction begins\n");
  EXPECT_EQ(evidence("settings: {transaction.state.log.min.isr: 4}"),
            "transaction.state.log.min.isr: 4 of 3 replicas: no write of transactions succeeds\n");
  EXPECT_EQ(evidence("settings: {transaction.state.log.min.isr: 3}"),
            "transaction.state.log.min.isr: 3 of 3 replicas: writes of transactions stop whenever a broker is down\n");
  EXPECT_THAT(evidence("settings: {min.insync.replicas: 3}"), HasSubstr("writes of places of groups stop"));
  EXPECT_THAT(evidence("settings: {default.replication.factor: 4}"), HasSubstr("4, and 3 brokers: none is made"));
  EXPECT_THAT(evidence("kafka_version: 4.1.0, settings: {share.coordinator.state.topic.replication.factor: 5}"),
              HasSubstr("no share group reads"));
  for (const char* good :
       {"brokers: 1, zones: [a]", "brokers: 2, kafka_version: 4.1.0", "brokers: 9",
        "settings: {min.insync.replicas: 1}", "brokers: 5, settings: {default.replication.factor: 5}"})
    EXPECT_EQ(evidence(good), "") << good;
}

// One by one Kafka takes each of them.
TEST(Refused, SettingsOfTopicsThatAreRefusedTogether) {
  const auto evidence = [](const std::string& keys) {
    return evidence_of("topic-settings", cluster_with("kafka_version: 4.1.0") + "topics: [{name: t, " + keys + "}]\n");
  };
  EXPECT_EQ(evidence("settings: {min.compaction.lag.ms: 10, max.compaction.lag.ms: 5}"),
            "min.compaction.lag.ms: 10 is more than max.compaction.lag.ms: 5\n");
  EXPECT_EQ(evidence("settings: {min.compaction.lag.ms: 5, max.compaction.lag.ms: 5}"), "");
  const std::string tiers = "retention: 7d, local_retention: 1h, ";
  EXPECT_EQ(evidence(tiers + "retention_bytes: 1GiB, settings: {local.retention.bytes: 2147483648}"),
            "local.retention.bytes: 2147483648, and Kafka takes at most retention_bytes, 1073741824\n");
  EXPECT_NE(evidence(tiers + "retention_bytes: 1GiB, settings: {local.retention.bytes: -1}"), "");
  EXPECT_EQ(evidence(tiers + "retention_bytes: 1GiB, settings: {local.retention.bytes: -2}"), "");
  EXPECT_EQ(evidence(tiers + "settings: {local.retention.bytes: 2147483648}"), "");
  EXPECT_EQ(evidence("retention_bytes: 1GiB, settings: {local.retention.bytes: 2147483648}"), "") << "not tiered";
  EXPECT_THAT(evidence(tiers + "settings: {remote.log.copy.disable: true}"), HasSubstr("local_retention: 1h"));
  EXPECT_EQ(evidence("retention: 1h, local_retention: 1h, settings: {remote.log.copy.disable: true}"), "");
}

TEST(Refused, SettingsOfBrokersThatAreRefusedTogether) {
  const auto evidence = [](const std::string& settings) {
    return evidence_of("broker-values", cluster_with("settings: {" + settings + "}"));
  };
  EXPECT_EQ(evidence("group.consumer.session.timeout.ms: 120000"),
            "group.consumer.session.timeout.ms: 120000, and Kafka takes at most group.consumer.max.session.timeout.ms, "
            "60000\n");
  EXPECT_EQ(evidence("group.consumer.session.timeout.ms: 120000, group.consumer.max.session.timeout.ms: 120000"), "");
  EXPECT_NE(evidence("replica.lag.time.max.ms: 400"), "");
  EXPECT_NE(evidence("queued.max.request.bytes: 1000000"), "");
  EXPECT_EQ(evidence("queued.max.request.bytes: -1"), "");
  EXPECT_EQ(evidence("log.cleaner.max.compaction.lag.ms: 86400000"), "");
}

TEST(Refused, SecretsAmongSettingsOfBrokers) {
  const auto evidence = [](const std::string& setting) {
    return evidence_of("secret-in-file", cluster_with("settings: {" + setting + "}"));
  };
  EXPECT_EQ(evidence("delegation.token.secret.key: hunter2"), "settings has delegation.token.secret.key\n");
  EXPECT_NE(evidence("rsm.config.storage.aws.secret.access.key: hunter2"), "");
  for (const char* good : {"delegation.token.secret.key: \"${file:/k:token}\"", "delegation.token.expiry.time.ms: 1",
                           "metrics.recording.level: INFO"})
    EXPECT_EQ(evidence(good), "") << good;
}

// Its tasks fail where one of these is refused, long after the resource was taken.
TEST(Refused, WhatMirrorMakerKeepsForItself) {
  const auto evidence = [](const std::string& at_source, const std::string& at_target, const std::string& kind) {
    const std::string keys = "platform: strimzi, security: {transport: tls, authentication: scram_sha_512}";
    return evidence_of("mirror-rights",
                       "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: x, namespace: x, " + keys +
                           "}, {name: y, " + keys +
                           "}]\ntopics: [{name: t, cluster: x}]\nmirrors: [{name: m, from: x, to: "
                           "y, topics: [t], user: u, kind: " +
                           kind +
                           "}]\nusers: [{name: u, cluster: x, acls: [{topic: t, "
                           "operations: [read, describe]}" +
                           at_source +
                           "]}, {name: u, cluster: y, acls: [{topic: t, "
                           "operations: [write, describe]}" +
                           at_target + "]}]\n");
  };
  EXPECT_EQ(
      evidence("", "", "mirror_maker"),
      "user u of cluster x may not write mm2-offset-syncs.y.internal\n"
      "user u of cluster y may not write x.checkpoints.internal, write mirror-m-configs and read group mirror-m\n");
  EXPECT_EQ(evidence("", "", "freshet"), "") << "which keeps what it knows elsewhere";
  EXPECT_EQ(evidence(", {topic: \"mm2-*\", operations: [all]}",
                     ", {topic: \"*\", operations: [all]}, {group: \"mirror-*\", operations: [read]}", "mirror_maker"),
            "");
}

}  // namespace
}  // namespace freshet::fleet
