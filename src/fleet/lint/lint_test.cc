// Each rule: a fleet in which it fires, a near miss in which it does not, and that its mend mends.
#include "fleet/lint/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "fleet/lint/report.h"
#include "fleet/topology_yaml.h"
#include "testing/file.h"

namespace freshet::fleet {
namespace {

using testing::HasSubstr;

const std::string kHead =
    "fleet: f\n"
    "regions: [{name: r, zones: [a, b, c], prices: {machines: {c6g: 0.136}}}, {name: two, zones: [d, e]}, "
    "{name: one, zones: [g]}]\n"
    "defaults: {cluster: {region: r}}\n";

Topology parse(const std::string& text) {
  yaml::Problems problems("f.yaml");
  auto fleet = parse_topology((text.starts_with("fleet:") ? "" : kHead) + text, problems);
  EXPECT_EQ(problems.text(), "") << text;
  return fleet ? std::move(*fleet) : Topology{};
}

std::vector<Finding> found(const Topology& fleet, std::string_view rule) {
  std::vector<Finding> out;
  for (Finding& finding : lint(fleet).findings) {
    if (finding.rule->id == rule) out.push_back(std::move(finding));
  }
  return out;
}

struct Case {
  const char* rule;
  const char* subject;
  std::string fires;
  std::string near_miss;
  bool has_changes;  // the mend is keys of the file alone
};

// Parts of fleets.
const std::string kTwo = "clusters: [{name: front, kind: fronting}, {name: back, service_groups: [g]}]\n";
std::string cluster(const std::string& keys) {
  return "clusters: [{name: c" + (keys.empty() ? "" : ", " + keys) + "}]\n";
}
std::string topic(const std::string& keys) { return cluster("") + "topics: [{name: t, " + keys + "}]\n"; }
std::string service(const std::string& keys, const std::string& does) {
  return "services: [{name: s, " + keys + ", " + does + "}]\n";
}
std::string produces(const std::string& topic_keys, const std::string& service_keys, const std::string& keys) {
  return topic("messages_per_second: 10000, message_bytes: 1000, peak_factor: 1, " + topic_keys) +
         service(service_keys, "produces: [{topics: [t], " + keys + "}]");
}
std::string consumes(const std::string& topic_keys, const std::string& service_keys, const std::string& keys) {
  return topic("messages_per_second: 1000, peak_factor: 2, " + topic_keys) +
         service(service_keys, "consumes: [{topics: [t]" + keys + "}]");
}

std::string tiered(const std::string& cluster_keys) {
  return cluster(cluster_keys) + "topics: [{name: t, retention: 30d, local_retention: 1d}]\n";
}

std::vector<Case> segregation_cases() {
  const std::string root = kTwo + "topics: [{name: t, cluster: front}, {name: u, cluster: back}]\n";
  const std::string consume_back = "services: [{name: s, group: G, consumes: [{cluster: back, topics: [u]}]}]\n";
  const auto group = [&](const std::string& name) {
    std::string text = consume_back;
    return text.replace(text.find('G'), 1, name);
  };
  const std::string two_groups =
      "topics: [{name: t}]\nservices: [{name: s, group: g, consumes: [{topics: [t]}]}, {name: v, group: h, produces: "
      "[{topics: [t]}]}]\n";
  const std::string mirrored = root + "mirrors: [{from: front, to: back, topics: [t]}]\n";
  return {
      {"fronting-consumer", "consumer s/front",
       root + "services: [{name: s, group: g, consumes: [{cluster: front, topics: [t]}]}]\n",
       root + "services: [{name: s, group: g, produces: [{cluster: front, topics: [t]}]}]\n", false},
      {"backend-to-fronting", "mirror back-to-front", root + "mirrors: [{from: back, to: front, topics: [u]}]\n",
       root + "mirrors: [{from: front, to: back, topics: [t]}]\n", false},
      {"undeclared-service-group", "cluster back", root + group("h"), root + group("g"), false},
      {"two-service-groups", "cluster c", cluster("") + two_groups,
       cluster("service_groups: [g, h], shared_because: both are small") + two_groups, false},
      {"mixed-writers", "topic back/t",
       mirrored + "services: [{name: s, group: g, produces: [{cluster: back, topics: [t]}]}]\n",
       mirrored + "services: [{name: s, group: g, produces: [{cluster: back, topics: [u]}]}]\n", false},
      {"shared-consumer-group", "consumer v/c",
       topic("partitions: 3") +
           "services: [{name: s, consumes: [{topics: [t]}]}, {name: v, consumes: [{group: s, topics: [t]}]}]\n",
       topic("partitions: 3") +
           "services: [{name: s, consumes: [{topics: [t]}]}, {name: v, consumes: [{topics: [t]}]}]\n",
       true},
  };
}

std::vector<Case> mirror_cases() {
  const std::string three = "clusters: [{name: x}, {name: y}, {name: z}]\n";
  const auto pair = [](const std::string& from, const std::string& to, const std::string& keys) {
    return "clusters: [{name: front, kind: fronting}, {name: back}]\n"
           "topics: [{name: t, cluster: front, messages_per_second: 10, " +
           from + "}, {name: t, cluster: back, " + to + "}]\n" + "mirrors: [{from: front, to: back, topics: [t]" +
           keys + "}]\n";
  };
  return {
      {"mirror-cycle", "mirror y-to-x",
       three +
           "topics: [{name: t, cluster: x}]\nmirrors: [{from: x, to: y, topics: [t]}, {from: y, to: x, topics: [t]}]\n",
       // Both ways, but not the same topic.
       three + "topics: [{name: t, cluster: x}, {name: u, cluster: y}]\n"
               "mirrors: [{from: x, to: y, topics: [t]}, {from: y, to: x, topics: [u]}]\n",
       false},
      {"mirrored-twice", "mirror y-to-z",
       three +
           "topics: [{name: t, cluster: x}]\nmirrors: [{from: x, to: y, topics: [t]}, {from: x, to: z, topics: [t]}, "
           "{from: y, to: z, topics: [t]}]\n",
       // Two sources with messages of their own.
       three + "topics: [{name: t, cluster: x}, {name: t, cluster: y}]\n"
               "mirrors: [{from: x, to: z, topics: [t]}, {from: y, to: z, topics: [t]}]\n",
       false},
      {"mirror-message-size", "topic back/t", pair("message_bytes_max: 2MiB", "message_bytes_max: 1MiB", ""),
       pair("message_bytes_max: 2MiB", "message_bytes_max: 2MiB", ""), true},
      {"mirror-source-address", "mirror x-to-y",
       "clusters: [{name: x, platform: strimzi}, {name: y}]\ntopics: [{name: t, cluster: x}]\n"
       "mirrors: [{from: x, to: y, topics: [t], kind: freshet}]\n",
       "clusters: [{name: x, platform: strimzi, connect: {bootstrap: \"x.example:9094\"}}, {name: y}]\n"
       "topics: [{name: t, cluster: x}]\nmirrors: [{from: x, to: y, topics: [t], kind: freshet}]\n",
       false},
      {"mirror-source-retention", "topic front/t", pair("retention: 5h", "retention: 1h", ""),
       pair("retention: 6h", "retention: 1h", ""), true},
      {"mirror-repartitions", "mirror front-to-back", pair("partitions: 12", "partitions: 3", ""),
       pair("partitions: 12", "partitions: 3", ", kind: freshet"), false},
      {"mirror-idle-tasks", "mirror front-to-back", pair("partitions: 3", "partitions: 3", ", tasks: 4"),
       pair("partitions: 3", "partitions: 3", ", tasks: 3"), true},
      {"mirror-cleanup", "topic back/t", pair("cleanup: compact", "retention: 1d", ""),
       pair("cleanup: compact", "cleanup: compact_delete", ""), true},
      {"mirror-never-copies", "mirror x-to-y",
       three + "topics: [{name: a-internal, cluster: x}]\nmirrors: [{from: x, to: y, topics: [\"*\"]}]\n",
       three +
           "topics: [{name: a-internal, cluster: x}]\nmirrors: [{from: x, to: y, topics: [\"*\"], kind: freshet}]\n",
       false},
  };
}

std::vector<Case> durability_cases() {
  const auto producer = [](const std::string& acks) {
    return topic("partitions: 3") + "services: [{name: s, instances: 2, produces: [{topics: [t], acks: " + acks +
           "}]}]\n";
  };
  const auto with_topic = [](const std::string& cluster_keys, const std::string& topic_keys) {
    return cluster(cluster_keys) + "topics: [{name: t, " + topic_keys + "}]\n";
  };
  return {
      {"replication-over-brokers", "topic c/t", with_topic("brokers: 3", "replication: 4"),
       with_topic("brokers: 4", "replication: 4"), true},
      {"replication-one", "topic c/t", topic("replication: 1"), topic("replication: 2"), true},
      {"min-isr-over-replication", "topic c/t", topic("replication: 3, min_isr: 4"),
       topic("replication: 3, min_isr: 3"), true},
      {"min-isr-equals-replication", "topic c/t", topic("replication: 3, min_isr: 3"),
       topic("replication: 3, min_isr: 2"), true},
      {"min-isr-one", "topic c/t", topic("replication: 3, min_isr: 1"), topic("replication: 3"), true},
      {"acks-not-all", "producer s/c", producer("leader"), producer("all"), true},
      {"few-brokers", "cluster c", cluster("brokers: 2"), cluster("brokers: 3"), true},
      {"single-zone", "cluster c", cluster("zones: [a]"), cluster("zones: [a, b]"), true},
      {"zone-loss", "cluster c", with_topic("zones: [a, b]", "replication: 3, min_isr: 2"),
       with_topic("zones: [a, b, c]", "replication: 3, min_isr: 2"), true},
      {"uneven-zones", "cluster c", cluster("brokers: 4"), cluster("brokers: 6"), true},
      {"controllers", "cluster c", cluster("controllers: 4"), cluster("controllers: 0"), true},
      {"controller-zones", "cluster c", cluster("zones: [a, b], brokers: 4"), cluster("zones: [a, b, c]"), true},
      {"single-instance", "service s", topic("partitions: 3") + service("instances: 1", "consumes: [{topics: [t]}]"),
       topic("partitions: 3") + service("instances: 2", "consumes: [{topics: [t]}]"), true},
      {"kafka-version", "cluster c", cluster("kafka_version: 3.2.9"), cluster("kafka_version: 3.3.0"), true},
      {"own-topics", "cluster c", cluster("settings: {offsets.topic.replication.factor: 4}"),
       cluster("settings: {offsets.topic.replication.factor: 3}"), false},
      {"unclean-election", "topic c/t", topic("settings: {unclean.leader.election.enable: true}"),
       topic("settings: {unclean.leader.election.enable: false}"), false},
  };
}

std::vector<Case> partition_cases() {
  const auto crowd = [](const std::string& instance, int partitions) {
    return cluster("instance: " + instance) + "topics: [{name: t, partitions: " + std::to_string(partitions) + "}]\n";
  };
  const auto out = [](int partitions, int second) {
    return cluster("brokers: 6") + "topics: [{name: t, partitions: " + std::to_string(partitions) +
           ", messages_per_second: 20000, message_bytes: 2000}, {name: u, partitions: 6, messages_per_second: " +
           std::to_string(second) +
           ", message_bytes: 2000}]\nservices: [{name: s, instances: 2, consumes: [{topics: [t, u]}]}]\n";
  };
  std::string five = "{name: t, messages_per_second: 60000}";
  for (const char* name : {"u", "v", "w", "x"})
    five += std::string(", {name: ") + name + ", messages_per_second: RATE}";
  const auto dominated = [&](const std::string& rate) {
    std::string text = cluster("") + "topics: [" + five +
                       "]\nservices: [{name: s, instances: 2, consumes: [{topics: [t, u, v, w, x]}]}]\n";
    for (size_t at = text.find("RATE"); at != std::string::npos; at = text.find("RATE")) text.replace(at, 4, rate);
    return text;
  };
  return {
      {"consumer-too-slow", "consumer s/c", consumes("", "instances: 3", ", messages_per_second_each: 300"),
       consumes("", "instances: 3", ", messages_per_second_each: 400"), true},
      {"consumer-slow-at-peak", "consumer s/c", consumes("", "instances: 3", ", messages_per_second_each: 600"),
       consumes("", "instances: 3", ", messages_per_second_each: 700"), true},
      {"idle-consumers", "consumer s/c", consumes("partitions: 3", "instances: 2, instances_max: 4", ""),
       consumes("partitions: 3", "instances: 2, instances_max: 3", ""), true},
      {"idle-by-range", "consumer s/c",
       cluster("brokers: 3") + "topics: [{name: t, partitions: 3}, {name: u, partitions: 3}]\n"
                               "services: [{name: s, instances: 4, consumes: [{topics: [t, u]}]}]\n",
       cluster("brokers: 3") + "topics: [{name: t, partitions: 3}, {name: u, partitions: 3}]\n"
                               "services: [{name: s, instances: 3, consumes: [{topics: [t, u]}]}]\n",
       false},
      {"broker-partitions-max", "cluster c", crowd("c6g.xlarge", 1501), crowd("c6g.xlarge", 1500), true},
      {"broker-partitions", "cluster c", crowd("c6g.2xlarge", 2001), crowd("c6g.2xlarge", 2000), true},
      {"cluster-partitions-max", "cluster c", crowd("c6g.8xlarge", 66667), crowd("c6g.8xlarge", 66666), false},
      {"many-partitions", "topic c/t", topic("partitions: 27"), topic("partitions: 24"), true},
      {"many-segments", "cluster c",
       topic("partitions: 200, messages_per_second: 1000, message_bytes: 1000, compression: none, retention: 7d, "
             "settings: {segment.ms: 600000}"),
       topic("partitions: 100, messages_per_second: 1000, message_bytes: 1000, compression: none, retention: 7d, "
             "settings: {segment.ms: 600000}"),
       false},
      {"hot-partition", "topic c/t",
       topic("partitions: 3, messages_per_second: 31000, message_bytes: 1000, compression: none, peak_factor: 1"),
       topic("partitions: 3, messages_per_second: 30000, message_bytes: 1000, compression: none, peak_factor: 1"),
       true},
      {"hotspot-topic", "topic c/t", out(8, 20000), out(12, 20000), true},
      {"dominant-topic", "topic c/t", dominated("10000"), dominated("15000"), false},
  };
}

std::vector<Case> storage_cases() {
  const auto stored = [](const std::string& keys, const std::string& size) {
    return cluster("volumes: {size: " + size + "}") + "topics: [{name: t, " + keys + "}]\n";
  };
  const auto bounded = [](const std::string& setting) {
    return cluster("settings: {" + setting + "}") +
           "topics: [{name: t, partitions: 1, messages_per_second: 50, message_bytes: 1000, compression: none, "
           "retention: 1h}]\n";
  };
  const std::string tb =
      "messages_per_second: 1000, message_bytes: 1000, retention: 1000000s, compression: none";  // 1 TB a replica
  return {
      {"no-compression", "topic c/t",
       topic("compression: none, messages_per_second: 1100, message_bytes: 1000, retention: 1h"),
       topic("compression: none, messages_per_second: 900, message_bytes: 1000, retention: 1h"), true},
      {"slow-codec", "topic c/t", topic("compression: zstd, messages_per_second: 11000, message_bytes: 1000"),
       topic("compression: zstd, messages_per_second: 11000, message_bytes: 1000, retention: 3d"), true},
      {"fast-codec", "topic c/t",
       topic("compression: lz4, messages_per_second: 200, message_bytes: 1000, retention: 7d"),
       topic("compression: lz4, messages_per_second: 200, message_bytes: 1000, retention: 1d"), true},
      {"compressed-anew", "topic c/t", topic("messages_per_second: 1, settings: {compression.type: zstd}"),
       topic("messages_per_second: 1, compression: zstd, settings: {compression.type: zstd}"), false},
      {"kept-forever", "topic c/t", topic("retention: 0, messages_per_second: 1"),
       topic("retention: 0, messages_per_second: 1, cleanup: compact"), true},
      {"compacted-size", "topic c/t", topic("cleanup: compact, messages_per_second: 1"),
       topic("cleanup: compact, messages_per_second: 1, compacted_bytes: 1GiB"), false},
      {"bounded-by-brokers", "topic c/t", bounded("log.retention.bytes: 100000000"),
       bounded("log.retention.bytes: 200000000"), false},
      {"disk-too-small", "cluster c", stored(tb, "1000GiB"), stored(tb, "1150GiB"), true},
      {"volume-limits", "cluster c", cluster("volumes: {throughput: 751MiB, iops: 3000}"),
       cluster("volumes: {throughput: 750MiB, iops: 3000}"), true},
      {"tiered-storage", "cluster c", tiered("owner: o"),
       tiered("settings: {remote.log.storage.system.enable: true, remote.log.storage.manager.class.name: a.B}"), false},
  };
}

std::vector<Case> cloud_cases() {
  const auto zoned = [](const std::string& zones) {
    return "fleet: f\nregions: [{name: eu-west-1, zones: [" + zones + "]}]\nclusters: [{name: c}]\n";
  };
  return {
      {"machine-type", "cluster c", cluster("instance: kafka.m5.large"), cluster("instance: m5.large"), true},
      {"zone-of-region", "region eu-west-1", zoned("eu-west-1a, eu-west-1b, euw1-az3"),
       zoned("eu-west-1a, eu-west-1b, eu-west-1-lhr-1a"), false},
      {"topic-settings", "topic c/t", topic("settings: {segment.byte: 100000000}"),
       topic("settings: {segment.bytes: 100000000}"), false},
      {"broker-settings", "cluster c", cluster("settings: {num.io.thread: 16}"),
       cluster("settings: {num.io.threads: 16}"), false},
      {"broker-values", "cluster c", cluster("settings: {log.roll.hours: 7d}"),
       cluster("settings: {log.roll.hours: 168}"), false},
      {"message-over-limit", "topic c/t", topic("message_bytes: 3MiB"), topic("message_bytes: 2MiB"), true},
      {"message-over-request", "topic c/t", topic("message_bytes_max: 100MiB"),
       cluster("settings: {socket.request.max.bytes: 200000000}") + "topics: [{name: t, message_bytes_max: 100MiB}]\n",
       false},
  };
}

std::vector<Case> batching_cases() {
  std::string many =
      topic("partitions: 6, messages_per_second: 140000, message_bytes: 100, peak_factor: 1") + "services:\n";
  for (int i = 0; i < 14; ++i)
    many += "- {name: s" + std::to_string(i) + ", instances: 2, produces: [{topics: [t], linger: LINGER}]}\n";
  const auto with_linger = [&](const std::string& linger) {
    std::string text = many;
    for (size_t at = text.find("LINGER"); at != std::string::npos; at = text.find("LINGER"))
      text.replace(at, 6, linger);
    return text;
  };
  return {
      {"produce-requests", "producer s/c", produces("", "instances: 50", "linger: 1ms"),
       produces("", "instances: 50", "linger: 40ms"), true},
      {"cluster-produce-requests", "cluster c", with_linger("1ms"), with_linger("20ms"), true},
      {"batch-too-small", "producer s/c", produces("", "instances: 10", "linger: 100ms, batch: 4KiB"),
       produces("", "instances: 10", "linger: 100ms, batch: 64KiB"), true},
      {"batch-over-limit", "producer s/c", produces("message_bytes_max: 64KiB", "instances: 2", "batch: 65KiB"),
       produces("message_bytes_max: 64KiB", "instances: 2", "batch: 64KiB"), true},
  };
}

std::vector<Case> access_cases() {
  const auto guarded = [](const std::string& more) {
    return "clusters: [{name: c, security: {transport: tls, authentication: scram_sha_512}" + more +
           "}]\ntopics: [{name: t}]\n" + "services: [{name: s, instances: 2, consumes: [{topics: [t]}]}]\n";
  };
  const auto users = [](const std::string& keys) { return "users: [{name: u, " + keys + "}]\n"; };
  const auto mirrored = [&](const std::string& topic) {
    return "clusters: [{name: c, security: {transport: tls, authentication: scram_sha_512}}, {name: d}]\n"
           "topics: [{name: t1, cluster: c}, {name: t2, cluster: c}]\nmirrors: [{from: c, to: d, topics: [\"t*\"], "
           "user: u}]\n"
           "users: [{name: u, cluster: c, acls: [{topic: \"" +
           topic + "\", operations: [read, describe]}]}]\n";
  };
  const auto two_namespaces = [](const std::string& second) {
    const std::string keys = ", platform: strimzi, security: {transport: tls, authentication: scram_sha_512}";
    return "clusters: [{name: c" + keys + "}, {name: d, namespace: " + second + keys +
           "}]\nusers: [{name: u, cluster: c}, {name: u, cluster: d}]\n";
  };
  const auto transport = [](const std::string& kind) {
    return cluster("security: {authentication: scram_sha_512, transport: " + kind + "}");
  };
  return {
      {"unknown-client", "service s", guarded(""), guarded("") + users("service: s"), false},
      {"mirror-rights", "mirror c-to-d", mirrored("t2"), mirrored("t*"), false},
      {"acls-not-enforced", "cluster c", topic("partitions: 3") + users("acls: [{topic: t, operations: [read]}]"),
       guarded("") + users("service: s"), true},
      {"brokers-refused", "cluster c", cluster("security: {transport: tls, authentication: certificates}"),
       cluster("security: {transport: tls, authentication: certificates, super_users: [kafka-1]}"), false},
      {"password-over-plaintext", "cluster c", transport("plaintext"), transport("tls"), true},
      {"secret-in-file", "cluster c", cluster("connect: {properties: {sasl.password: hunter2}}"),
       cluster("connect: {properties: {sasl.password: \"${P}\", ssl.key.location: /k.pem}}"), false},
      {"unused-user", "user c/u", guarded("") + users("owner: o"), guarded("") + users("service: s"), false},
      {"user-twice-in-namespace", "user d/u", two_namespaces("kafka"), two_namespaces("other"), false},
      {"acl-of-nothing", "user c/u", guarded("") + users("acls: [{topic: \"s*\", operations: [read]}]"),
       guarded("") + users("acls: [{topic: \"t*\", operations: [read]}, {topic: \"*\", operations: [describe]}]"),
       false},
  };
}

std::vector<Case> hygiene_cases() {
  const auto level = [](const std::string& retention, const std::string& group) {
    return topic("retention: " + retention) + "services: [{name: s, instances: 2, consumes: [{topics: [t]}]}]\n" +
           "service_levels: [{name: l, group: " + group + ", lag_max: 1h}]\n";
  };
  return {
      {"unread-topic", "topic c/t", topic("partitions: 3"), consumes("", "instances: 2", ""), false},
      {"unwritten-topic", "topic c/t", topic("partitions: 3"), produces("", "instances: 2", "linger: 5ms"), false},
      {"topic-name-collision", "topic c/a_b", cluster("") + "topics: [{name: a.b}, {name: a_b}]\n",
       "clusters: [{name: c}, {name: d}]\ntopics: [{name: a.b, cluster: c}, {name: a_b, cluster: d}]\n", false},
      {"topic-of-kafka", "topic c/__consumer_offsets", cluster("") + "topics: [{name: __consumer_offsets}]\n",
       cluster("") + "topics: [{name: __consumer_offsets, cleanup: compact}]\n", false},
      {"lag-over-retention", "topic c/t", level("119m", "s"), level("120m", "s"), true},
      {"unknown-group", "service level l", level("1d", "z"), level("1d", "s"), false},
      {"no-critical-route", "fleet f", cluster("") + "alert_routes: [{severity: critical, owner: o, pagerduty: p}]\n",
       cluster("") + "alert_routes: [{severity: critical, pagerduty: p}]\n", false},
      {"route-of-nobody", "fleet f", cluster("owner: web") + "alert_routes: [{severity: warn, slack: s, owner: wbe}]\n",
       cluster("owner: web") + "alert_routes: [{severity: warn, slack: s, owner: web}]\n", false},
      {"no-owner", "cluster c", cluster(""), cluster("owner: o"), false},
      {"region-without-prices", "region one", cluster("region: one"), cluster(""), false},
      {"maintenance-zone", "cluster c", cluster("maintenance: [\"daily 02:00-04:00 Europe/Berln\"]"),
       cluster("maintenance: [\"daily 02:00-04:00 Europe/Berlin\", \"sat 22:00-02:00 -05:00\", \"sun "
               "01:00-05:00\"]"),
       false},
      {"accepted-unused", "accepted no-owner", cluster("owner: o") + "accepted: [{rule: no-owner, because: b}]\n",
       cluster("") + "accepted: [{rule: no-owner, subject: cluster c, because: b}]\n", false},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (auto* cases : {segregation_cases, mirror_cases, durability_cases, partition_cases, storage_cases, cloud_cases,
                      batching_cases, access_cases, hygiene_cases}) {
    for (Case& one : cases()) all.push_back(std::move(one));
  }
  return all;
}

class EachRule : public testing::TestWithParam<Case> {};

TEST_P(EachRule, FiresAndNamesWhatItIsAbout) {
  const auto findings = found(parse(GetParam().fires), GetParam().rule);
  ASSERT_EQ(findings.size(), 1U) << GetParam().fires;
  EXPECT_EQ(findings[0].subject, GetParam().subject);
  EXPECT_FALSE(findings[0].evidence.empty());
  EXPECT_FALSE(findings[0].mend.empty());
  EXPECT_EQ(!findings[0].changes.empty(), GetParam().has_changes);
}

TEST_P(EachRule, DoesNotFireOnANearMiss) {
  EXPECT_TRUE(found(parse(GetParam().near_miss), GetParam().rule).empty()) << GetParam().near_miss;
}

TEST_P(EachRule, IsMendedByWhatItSays) {
  Topology fleet = parse(GetParam().fires);
  for (const Finding& finding : found(fleet, GetParam().rule)) {
    if (finding.changes.empty()) return;
    for (const Change& change : finding.changes)
      EXPECT_TRUE(apply(change, fleet)) << change.key << ": " << change.value;
  }
  EXPECT_TRUE(found(fleet, GetParam().rule).empty());
}

std::string test_name(const testing::TestParamInfo<Case>& one) {
  std::string name = one.param.rule;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Lint, EachRule, testing::ValuesIn(all_cases()), test_name);

TEST(Lint, WhoIsKnownToBrokers) {
  const std::string base =
      "clusters: [{name: c, connect: {properties: {sasl.username: tool}}, security: {transport: tls, authentication: "
      "scram_sha_512, super_users: [root]}}, {name: d}]\n"
      "topics: [{name: t, cluster: c}]\nservices: [{name: s, consumes: [{cluster: c, topics: [t]}]}]\n";
  const auto mirrored = [&](const std::string& user) {
    return parse(base + "mirrors: [{from: c, to: d, topics: [t]" + user + "}]\nusers: [{name: u, cluster: c}]\n");
  };
  EXPECT_EQ(found(mirrored(""), "unknown-client").size(), 2U);  // the service, too
  EXPECT_EQ(found(mirrored(", user: m"), "unknown-client").back().evidence, "cluster c has no user m");
  EXPECT_EQ(found(mirrored(", user: root"), "unknown-client").size(), 1U);
  EXPECT_EQ(found(mirrored(", user: u"), "unknown-client").size(), 1U);
  // A mirror's user, a super user and whoever runs this program are somebody.
  EXPECT_TRUE(found(mirrored(", user: u"), "unused-user").empty());
  EXPECT_EQ(found(mirrored(""), "unused-user").size(), 1U);
  for (const char* name : {"root", "tool"})
    EXPECT_TRUE(found(parse(base + "users: [{name: " + name + ", cluster: c}]\n"), "unused-user").empty()) << name;
  const auto elsewhere = found(parse(base + "users: [{name: u, cluster: d, service: s}]\n"), "unused-user");
  ASSERT_EQ(elsewhere.size(), 1U);
  EXPECT_EQ(elsewhere[0].evidence, "service s neither writes nor reads in cluster d");
}

TEST(Lint, PromisesOfWhatNobodyReads) {
  const auto evidence = [](const std::string& level) {
    const auto findings = found(
        parse("clusters: [{name: c}, {name: d}]\ntopics: [{name: t, cluster: c}, {name: u, cluster: c}, {name: v, "
              "cluster: d}]\nservices: [{name: s, consumes: [{cluster: c, topics: [t]}]}]\n"
              "service_levels: [{name: l, " +
              level + "}]\n"),
        "unknown-group");
    return findings.empty() ? "" : findings[0].evidence;
  };
  EXPECT_EQ(evidence("cluster: d, group: s, lag_max: 1m"), "no service reads cluster d as group s");
  EXPECT_EQ(evidence("cluster: c, topic: u, group: s, lag_max: 1m"), "no service reads topic c/u as group s");
  EXPECT_EQ(evidence("cluster: c, topic: u, lag_max: 1m"), "no service reads topic c/u");
  EXPECT_EQ(evidence("cluster: d, lag_max: 1m"), "no service reads cluster d");
  EXPECT_EQ(evidence("cluster: d, produce_p99: 5ms"), "");
  EXPECT_EQ(evidence("cluster: c, topic: t, group: s, lag_max: 1m"), "");
  EXPECT_EQ(evidence("lag_max: 1m"), "");
}

TEST(Lint, BrokersThatAreControllersToo) {
  const auto mend = [](const std::string& keys) {
    const auto findings = found(parse(cluster(keys + ", controllers: 0")), "controllers");
    return findings.empty() ? "" : findings[0].mend;
  };
  EXPECT_EQ(mend("platform: strimzi, brokers: 6"), "controllers: 3");
  EXPECT_EQ(mend("platform: strimzi, brokers: 9"), "controllers: 3");
  EXPECT_EQ(mend("platform: strimzi, brokers: 3"), "");
  EXPECT_EQ(mend("brokers: 6"), "") << "three of them are";
}

TEST(Lint, MachinesThatEc2Has) {
  const auto fault = [](const std::string& keys) {
    const auto findings = found(parse(cluster(keys)), "machine-type");
    return findings.empty() ? "" : findings[0].evidence;
  };
  for (const char* good :
       {"c6g.xlarge", "m7gd.12xlarge", "r6id.metal", "m7i.metal-24xl", "u-6tb1.112xlarge", "t3.small"})
    EXPECT_EQ(fault(std::string("instance: ") + good), "") << good;
  for (const char* bad :
       {"c6g.xlage", "xlarge", "c6g", "kafka.m5.large", "db.r6g.large", "n2-standard-4", "c6g.0xlarge"})
    EXPECT_THAT(fault(std::string("instance: ") + bad), HasSubstr("is no type")) << bad;
  EXPECT_THAT(fault("instance: m4.xlarge"), HasSubstr("can't be told apart"));
  EXPECT_THAT(fault("controller_instance: t2.micro"), HasSubstr("can't be told apart"));
  EXPECT_EQ(fault("controllers: 0, controller_instance: t2.micro"), "") << "there is none";
  EXPECT_EQ(fault("platform: strimzi, instance: n2-standard-4"), "");
}

TEST(Lint, SegmentsThatKafkaTakes) {
  const auto findings = [](const std::string& version, const std::string& bytes) {
    return found(parse(cluster("kafka_version: " + version) + "topics: [{name: t, settings: {segment.bytes: " + bytes +
                       "}}]\n"),
                 "topic-settings")
        .size();
  };
  EXPECT_EQ(findings("4.1.0", "1048575"), 1U);
  EXPECT_EQ(findings("4.1.0", "1048576"), 0U);
  EXPECT_EQ(findings("3.9.1", "1048575"), 0U);
}

TEST(Lint, ValuesOfSettingsThatKafkaTakes) {
  const auto evidence = [](const std::string& setting) {
    const auto findings =
        found(parse(cluster("kafka_version: 3.9.1") + "topics: [{name: t, settings: {" + setting + "}}]\n"),
              "topic-settings");
    return findings.empty() ? "" : findings[0].evidence;
  };
  EXPECT_EQ(evidence("segment.ms: 7d"), "segment.ms: 7d, and Kafka takes a whole number, 1 or more");
  EXPECT_EQ(evidence("compression.type: none"),
            "compression.type: none, and Kafka takes one of: uncompressed, zstd, lz4, snappy, gzip, producer");
  for (const char* bad :
       {"segment.ms: 0", "delete.retention.ms: 1e9", "index.interval.bytes: 4096.0", "flush.messages: 0",
        "segment.bytes: 100MiB", "segment.bytes: 3000000000", "preallocate: yes", "preallocate: 1",
        "min.cleanable.dirty.ratio: 50", "min.cleanable.dirty.ratio: -0.1", "message.timestamp.type: logappendtime",
        "compression.type: lz5", "compression.gzip.level: 10", "local.retention.bytes: -3"})
    EXPECT_NE(evidence(bad), "") << bad;
  for (const char* good : {"segment.ms: 600000", "min.cleanable.dirty.ratio: 0.1", "min.cleanable.dirty.ratio: 1",
                           "preallocate: 'TRUE'", "message.timestamp.type: LogAppendTime", "compression.type: zstd",
                           "compression.zstd.level: -5", "local.retention.bytes: -2",
                           "message.timestamp.after.max.ms: 9223372036854775807", "message.format.version: 3.0-IV1"})
    EXPECT_EQ(evidence(good), "") << good;
  EXPECT_EQ(found(parse(cluster("") + "topics: [{name: t, settings: {unclean.leader.election.enable: 'True'}}]\n"),
                  "unclean-election")
                .size(),
            1U);
}

TEST(Lint, SettingsOfTopicsComeAndGo) {
  const auto evidence = [](const std::string& version, const std::string& setting) {
    const auto findings =
        found(parse(cluster("kafka_version: " + version) + "topics: [{name: t, settings: {" + setting + "}}]\n"),
              "topic-settings");
    return findings.empty() ? "" : findings[0].evidence;
  };
  EXPECT_EQ(evidence("3.9.1", "message.format.version: 3.0"), "");
  EXPECT_EQ(evidence("4.0.0", "message.format.version: 3.0"),
            "Kafka 4.0.0 has no setting message.format.version of topics any more: it went with 4.0");
  EXPECT_THAT(evidence("4.1.0", "message.downconversion.enable: true"), HasSubstr("went with 4.0"));
  EXPECT_EQ(evidence("3.7.2", "compression.zstd.level: 6"),
            "Kafka 3.7.2 has no setting compression.zstd.level of topics: it came with 3.8");
  EXPECT_EQ(evidence("3.8.0", "compression.zstd.level: 6"), "");
  EXPECT_EQ(evidence("3.7.2", "confluent.placement.constraints: x"), "");
}

TEST(Lint, SettingsThatBrokersTakeNoNoticeOf) {
  const auto evidence = [](const std::string& setting, const std::string& version = "4.1.0") {
    const auto findings =
        found(parse(cluster("kafka_version: " + version + ", settings: {" + setting + "}")), "broker-settings");
    return findings.empty() ? "" : findings[0].evidence;
  };
  EXPECT_EQ(evidence("num.io.thread: 16"), "brokers have no setting num.io.thread; did you mean \"num.io.threads\"?");
  EXPECT_THAT(evidence("retention.ms: 1000"), HasSubstr("retention.ms is a setting of topics, not of brokers"));
  EXPECT_THAT(evidence("max.message.bytes: 1000"), HasSubstr("is a setting of topics"));
  EXPECT_THAT(evidence("replica.fetch.everything: 1"), HasSubstr("brokers have no setting replica.fetch.everything"));
  EXPECT_THAT(evidence("log.message.format.version: 3.0"), HasSubstr("went with 4.0"));
  EXPECT_EQ(evidence("leader.imbalance.per.broker.percentage: 5", "3.9.1"), "");
  EXPECT_THAT(evidence("lgo.retention.ms: 1000"), HasSubstr("did you mean \"log.retention.ms\"?"));
  EXPECT_THAT(evidence("delegation.token.master.key: k"), HasSubstr("went with 4.0"));
  EXPECT_EQ(evidence("delegation.token.master.key: k", "3.9.1"), "");
  EXPECT_EQ(evidence("delegation.token.secret.key: k"), "");
  for (const char* good : {"log.retention.ms: 1000", "message.max.bytes: 1000", "compression.type: zstd",
                           "remote.log.storage.system.enable: true", "rsm.config.bucket: b", "confluent.tier.enable: x",
                           "client.quota.callback.limit: 3", "replica.alter.log.dirs.io.max.bytes.per.second: 1"})
    EXPECT_EQ(evidence(good), "") << good;
}

TEST(Lint, ValuesThatBrokersStartWith) {
  const auto evidence = [](const std::string& setting) {
    const auto findings = found(parse(cluster("settings: {" + setting + "}")), "broker-values");
    return findings.empty() ? "" : findings[0].evidence;
  };
  EXPECT_EQ(evidence("log.retention.ms: 7d"), "log.retention.ms: 7d, and Kafka takes a whole number");
  EXPECT_EQ(evidence("log.cleanup.policy: 'delete,compacted'"),
            "log.cleanup.policy: delete,compacted, and Kafka takes some of: delete, compact");
  EXPECT_EQ(evidence("log.retention.hours: 0"), "log.retention.hours: 0, and Kafka takes -1, or 1 or more");
  for (const char* bad :
       {"num.io.threads: eight", "message.max.bytes: 10MB", "log.segment.bytes: 1e9", "auto.create.topics.enable: yes",
        "compression.type: none", "num.replica.fetchers: 4.0", "default.replication.factor: three", "num.partitions: 0",
        "num.io.threads: 0", "queued.max.requests: 0", "log.segment.bytes: 13", "log.segment.bytes: 3000000000",
        "log.roll.hours: 0", "log.message.timestamp.type: createtime", "log.cleaner.min.cleanable.ratio: 50",
        "offsets.retention.minutes: 0", "message.max.bytes: -1"})
    EXPECT_NE(evidence(bad), "") << bad;
  for (const char* good :
       {"log.retention.hours: -1", "log.cleaner.enable: 'FALSE'", "log.cleaner.io.buffer.load.factor: 0.9",
        "compression.type: gzip", "my.plugin.ms: soon", "log.cleaner.min.cleanable.ratio: 0.1", "log.segment.bytes: 14",
        "log.cleanup.policy: 'compact, delete'", "log.retention.ms: -1", "socket.send.buffer.bytes: -1"})
    EXPECT_EQ(evidence(good), "") << good;
  const auto with_4 = [](const std::string& setting) {
    return found(parse(cluster("kafka_version: 4.1.0, settings: {" + setting + "}")), "broker-values").size();
  };
  EXPECT_EQ(with_4("log.segment.bytes: 1048575"), 1U);
  EXPECT_EQ(with_4("log.segment.bytes: 1048576"), 0U);
}

TEST(Lint, CodecsOfBrokers) {
  const auto evidence = [](const std::string& cluster_type, const std::string& keys) {
    const auto findings = found(parse(cluster("settings: {compression.type: " + cluster_type + "}") +
                                      "topics: [{name: t, messages_per_second: 1, " + keys + "}]\n"),
                                "compressed-anew");
    return findings.empty() ? "" : findings[0].evidence;
  };
  EXPECT_EQ(evidence("gzip", "compression: lz4"), "compression.type: gzip of cluster c, and producers send lz4");
  EXPECT_EQ(evidence("gzip", "compression: none"),
            "compression.type: gzip of cluster c, and producers send uncompressed");
  EXPECT_EQ(evidence("producer", "compression: lz4"), "");
  EXPECT_EQ(evidence("gzip", "settings: {compression.type: producer}"), "");
  EXPECT_EQ(evidence("uncompressed", "compression: none"), "");
}

TEST(Lint, SegmentsInKubernetesAreFewer) {
  const std::string topics =
      "topics: [{name: t, partitions: 100, messages_per_second: 1000, retention: 7d, settings: {segment.ms: "
      "600000}}]\n";
  const auto findings = found(parse(cluster("platform: strimzi") + topics), "many-segments");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].evidence,
            "101 thousand segments on each broker; most are of t: 1.0 thousand in each of 100 partitions");
}

TEST(Lint, LeadersThatLackMessages) {
  EXPECT_EQ(found(parse(cluster("settings: {unclean.leader.election.enable: true}")), "unclean-election").size(), 1U);
}

TEST(Lint, TiersOfAnOlderKafka) {
  const std::string settings = "remote.log.storage.system.enable: true, remote.log.storage.manager.class.name: a.B";
  Topology fleet = parse(tiered("kafka_version: 3.8.0, settings: {" + settings + "}"));
  const auto findings = found(fleet, "tiered-storage");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].mend, "kafka_version: 3.9.1");
  EXPECT_TRUE(apply(findings[0].changes[0], fleet));
  EXPECT_TRUE(found(fleet, "tiered-storage").empty());
}

TEST(Lint, VolumesAreWhatIsSold) {
  const auto mend = [](const std::string& volumes, const std::string& platform = "ec2") {
    Topology fleet = parse(cluster("platform: " + platform + ", volumes: " + volumes));
    const auto findings = found(fleet, "volume-limits");
    if (findings.empty()) return std::string();
    for (const Change& change : findings[0].changes) EXPECT_TRUE(apply(change, fleet)) << change.key;
    EXPECT_TRUE(found(fleet, "volume-limits").empty()) << volumes;
    return findings[0].mend;
  };
  EXPECT_EQ(mend("{size: 500GiB, iops: 3000, throughput: 1000MiB}"), "cluster c volumes.iops: 4000");
  EXPECT_EQ(mend("{size: 10GiB, iops: 16000}"), "cluster c volumes.size: 32GiB");
  EXPECT_EQ(mend("{size: 1GiB, throughput: 2000MiB}"), "cluster c volumes.size: 16GiB, cluster c volumes.iops: 8000");
  EXPECT_EQ(mend("{iops: 100}"), "cluster c volumes.iops: 3000");
  EXPECT_EQ(mend("{throughput: 20MiB}"), "cluster c volumes.throughput: 125MiB");
  EXPECT_EQ(mend("{count: 12}"), "cluster c volumes.count: 11");
  EXPECT_EQ(mend("{type: gp33}"), "volumes.type: gp3");
  EXPECT_EQ(mend("{type: st1, size: 10GiB}"), "cluster c volumes.size: 125GiB");
  EXPECT_EQ(mend("{type: io1, size: 10GiB}"), "cluster c volumes.size: 60GiB");
  for (const char* good :
       {"{size: 1GiB}", "{size: 500GB}", "{count: 11, size: 160GiB, iops: 80000, throughput: 2000MiB}",
        "{type: st1, throughput: 20MiB}", "{type: io2, size: 4GiB, iops: 4000}"})
    EXPECT_EQ(mend(good), "") << good;
  EXPECT_EQ(mend("{count: 12, type: fast}", "strimzi"), "") << "the storage class decides";
}

TEST(Lint, KnowsWhichKafkaRuns) {
  const auto evidence = [](const std::string& keys) {
    const auto findings = found(parse(cluster(keys)), "kafka-version");
    return findings.empty() ? "" : findings[0].evidence + "; " + findings[0].mend;
  };
  EXPECT_THAT(evidence("kafka_version: 3.99.0"), HasSubstr("3.99.0 is not known"));
  EXPECT_THAT(evidence("kafka_version: 4.4.0"), HasSubstr("4.4.0 is not known"));
  EXPECT_EQ(evidence("kafka_version: 4.3.1"), "");
  EXPECT_THAT(evidence("kafka_version: 3.6.2, volumes: {count: 2}"),
              HasSubstr("takes one log dir, and brokers have 2"));
  EXPECT_EQ(evidence("kafka_version: 3.6.2, volumes: {count: 1}"), "");
  EXPECT_EQ(evidence("kafka_version: 3.7.0, volumes: {count: 2}"), "");
  const std::string scram = ", security: {transport: tls, authentication: scram_sha_512}";
  EXPECT_THAT(evidence("kafka_version: 3.4.1" + scram), HasSubstr("no users with passwords (SCRAM): 3.5 has"));
  EXPECT_EQ(evidence("kafka_version: 3.5.0" + scram), "");
  EXPECT_EQ(evidence("platform: strimzi, kafka_version: 4.2.0"), "");
  EXPECT_THAT(evidence("platform: strimzi, kafka_version: 4.3.1"), HasSubstr("0.51, runs 4.2"));
  EXPECT_THAT(evidence("platform: strimzi, kafka_version: 3.9.1"), HasSubstr("before 0.49 only"));
  EXPECT_THAT(evidence("platform: strimzi, kafka_version: 3.9.1"), HasSubstr("kafka_version: 4.1.0"));
  EXPECT_THAT(evidence("platform: strimzi, kafka_version: 4.1"), HasSubstr("no third number"));
  EXPECT_THAT(evidence("platform: strimzi, kafka_version: 4.1.5"), HasSubstr("they run 4.1.0 4.1.1"));
  EXPECT_THAT(evidence("platform: strimzi, kafka_version: 3.9.7"), HasSubstr("they run 3.9.0 3.9.1 3.9.2"));
  EXPECT_EQ(evidence("platform: strimzi, kafka_version: 4.1.1"), "");
  EXPECT_EQ(evidence("kafka_version: 4.1.5"), "") << "Confluent's packages carry it, or not";
  EXPECT_EQ(evidence("platform: strimzi"), "");
  EXPECT_EQ(evidence(""), "");
}

TEST(Lint, KnowsTheNamesThatMirrorMakerNeverCopies) {
  for (const char* name :
       {"a-internal", "a.internal", "a.replica", "__a", ".a", "heartbeats", "mm2-offsets.b.internal"})
    EXPECT_TRUE(is_never_mirrored(name)) << name;
  for (const char* name : {"a", "internal", "replica", "a.replicas", "_a", "a_internal", "heartbeats.v1"})
    EXPECT_FALSE(is_never_mirrored(name)) << name;
}

// Two mirrors that mark what they send may face each other; one that does not sends everything on.
TEST(Lint, CirclesThatMarkTheirRecords) {
  const auto cycles = [](const std::string& there, const std::string& back) {
    return found(parse("clusters: [{name: x}, {name: y}]\ntopics: [{name: t, cluster: x}, {name: t, cluster: y}]\n"
                       "mirrors: [{from: x, to: y, topics: [t], kind: " +
                       there + "}, {from: y, to: x, topics: [t], kind: " + back + "}]\n"),
                 "mirror-cycle")
        .size();
  };
  EXPECT_EQ(cycles("freshet", "freshet"), 0U);
  EXPECT_EQ(cycles("freshet", "mirror_maker"), 1U);
  EXPECT_EQ(cycles("mirror_maker", "freshet"), 1U);
}

TEST(Lint, EveryRuleHasItsCase) {
  std::set<std::string_view> ids;
  for (const Rule& rule : rules()) ids.insert(rule.id);
  EXPECT_EQ(ids.size(), rules().size());
  for (const Case& one : all_cases()) EXPECT_EQ(ids.erase(one.rule), 1U) << one.rule;
  EXPECT_TRUE(ids.empty()) << *ids.begin();
}

TEST(Lint, TheDocumentListsEveryRule) {
  EXPECT_THAT(file_text("docs/fleet/lint.md"), HasSubstr(rules_markdown()))
      << "write it by: freshet fleet lint --rules";
}

TEST(Lint, FindingsStandInTheOrderOfTheFile) {
  const LintReport report =
      lint(parse(cluster("zones: [a]") + "topics: [{name: t, replication: 1}, {name: u, min_isr: 1}]\n"));
  const auto by_place = [](const Finding& a, const Finding& b) { return a.at < b.at; };
  EXPECT_TRUE(std::is_sorted(report.findings.begin(), report.findings.end(), by_place));
  EXPECT_GT(report.count(Grade::kError), 0U);
}

TEST(Lint, AReportForPeople) {
  Topology fleet = parse(cluster("owner: o, brokers: 4") + "alert_routes: [{severity: critical, pagerduty: p}]\n");
  EXPECT_EQ(
      text_of(lint(fleet), fleet, 9),
      "f.yaml:4:41: warning: cluster c: 4 brokers over 3 zones: where 1 instead of 2 stand, each carries 100 % more "
      "[uneven-zones]\n"
      "  why: Replicas are spread evenly over zones, so brokers of a zone with fewer of them carry more.\n"
      "  mend: brokers: 6\n"
      "f.yaml: 0 errors, 1 warning, 0 infos (1 cluster, 0 topics)\n");
  EXPECT_THAT(text_of(lint(fleet), fleet, 0), HasSubstr("f.yaml: warning: 1 more [uneven-zones]\n"));
}

TEST(Lint, AReportForPrograms) {
  Topology fleet = parse(cluster("owner: o, brokers: 4") + "alert_routes: [{severity: critical, pagerduty: p}]\n" +
                         "accepted: [{rule: uneven-zones, because: soon six}]\n");
  EXPECT_EQ(
      json_of(lint(fleet), fleet),
      "{\"ok\":true,\"file\":\"f.yaml\",\"errors\":0,\"warnings\":0,\"infos\":0,\n\"findings\":[],\n\"accepted\":["
      "{\"rule\":\"uneven-zones\",\"severity\":\"warning\",\"file\":\"f.yaml\",\"line\":4,\"column\":41,\"subject\":"
      "\"cluster c\","
      "\"why\":\"Replicas are spread evenly over zones, so brokers of a zone with fewer of them carry more.\","
      "\"evidence\":\"4 brokers over 3 zones: where 1 instead of 2 stand, each carries 100 % "
      "more\",\"mend\":\"brokers: 6\",\"because\":\"soon six\","
      "\"changes\":[{\"subject\":\"cluster c\",\"key\":\"brokers\",\"value\":\"6\"}]}]}\n");
}

}  // namespace
}  // namespace freshet::fleet
