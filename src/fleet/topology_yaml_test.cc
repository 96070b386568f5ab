#include "fleet/topology_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/project_path.h"

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kBase =
    "fleet: f\n"
    "regions: [{name: r, zones: [a, b, c]}]\n"
    "clusters: [{name: front, kind: fronting}, {name: back, service_groups: [g]}, {name: far}]\n";

struct Outcome {
  std::optional<Topology> fleet;
  std::string problems;
};

Outcome outcome_of(const std::string& text) {
  yaml::Problems problems("f.yaml");
  Outcome out;
  out.fleet = parse_topology(text, problems);
  out.problems = problems.text();
  EXPECT_EQ(out.fleet.has_value(), problems.empty());
  return out;
}

Topology good(const std::string& text) {
  Outcome out = outcome_of(kBase + text);
  EXPECT_EQ(out.problems, "");
  return out.fleet ? *out.fleet : Topology{};
}

TEST(TopologyYaml, SmallExample) {
  yaml::Problems problems(project_path("examples/fleet/small.yaml"));
  const auto fleet = load_topology(problems.file(), problems);
  ASSERT_TRUE(fleet) << problems.text();
  EXPECT_EQ(fleet->name, "small");
  ASSERT_EQ(fleet->clusters.size(), 1U);
  EXPECT_EQ(fleet->clusters[0].zones.size(), 3U);
  EXPECT_EQ(fleet->clusters[0].volumes.size_bytes, 260ull << 30);
  ASSERT_EQ(fleet->topics.size(), 2U);
  EXPECT_EQ(fleet->topics[0].retention_us, 7 * 86'400'000'000);
  EXPECT_EQ(fleet->topics[0].min_isr, 2U);
  EXPECT_EQ(fleet->topics[1].peak_factor, 3);
  ASSERT_EQ(fleet->producers.size(), 1U);
  EXPECT_THAT(fleet->producers[0].topics, ElementsAre(0, 1));
  EXPECT_EQ(fleet->producers[0].linger_us, 20'000);
  ASSERT_EQ(fleet->consumers.size(), 2U);
  EXPECT_EQ(fleet->consumers[1].group, "recommendations");
  EXPECT_TRUE(fleet->services[0].autoscaled);
  EXPECT_EQ(fleet->alert_routes[1].target, "platform-oncall");
  EXPECT_EQ(fleet->topics[0].where.of("retention").line, 20U);
}

TEST(TopologyYaml, DefaultsStandForWhatIsNotSaid) {
  const Topology fleet = good(
      "defaults: {topic: {partitions: 9, retention: 2d}, producer: {linger: 7ms}}\n"
      "topics: [{name: t, cluster: back}, {name: u, cluster: back, partitions: 3, replication: 1}]\n"
      "services: [{name: s, produces: [{cluster: back, topics: [t]}]}]\n");
  EXPECT_EQ(fleet.topics[0].partitions, 9U);
  EXPECT_EQ(fleet.topics[1].partitions, 3U);
  EXPECT_EQ(fleet.topics[1].retention_us, 2 * 86'400'000'000);
  EXPECT_EQ(fleet.topics[1].min_isr, 1U);
  EXPECT_EQ(fleet.producers[0].linger_us, 7000);
  EXPECT_EQ(fleet.services[0].group, "s");
  EXPECT_EQ(fleet.topics[0].where.at.line, 5U);
}

TEST(TopologyYaml, WhatATargetRefusesIsRefusedHere) {
  const auto problems = [](const std::string& keys, const std::string& more = "") {
    return outcome_of("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, " + keys + "}]\n" + more)
        .problems;
  };
  const auto bootstrap = [&](const std::string& text) { return problems("connect: {bootstrap: \"" + text + "\"}"); };
  for (const char* good : {"h:1", "a.b:9092, c:9093", "[::1]:9092", "10.0.0.1:65535", "SSL://h:1"})
    EXPECT_EQ(bootstrap(good), "") << good;
  for (const char* bad : {"h", "h:", ":9092", "h:65536", "h:0", "h:9092x", "::1:9092", "http://h", "a:1,,b:1", "a b:1"})
    EXPECT_THAT(bootstrap(bad), HasSubstr("f.yaml:3:43: bootstrap: ")) << bad;
  std::string owner(56, 'x');
  for (int i = 0; i < 200; ++i) owner += "\u00e9";
  EXPECT_EQ(problems("owner: " + owner), "") << "256 characters, however many bytes";
  EXPECT_THAT(problems("owner: " + owner + "x"), HasSubstr("at most 256 characters"));
  EXPECT_EQ(problems("platform: strimzi, owner: " + owner + "x"), "");
  const std::string strimzi = "platform: strimzi, security: {transport: tls, authentication: scram_sha_512}";
  const auto quota = [&](const std::string& bytes) {
    return problems(strimzi, "users: [{name: u, quota: {consume: " + bytes + "}}]\n");
  };
  EXPECT_EQ(quota("2147483647B"), "");
  EXPECT_THAT(quota("2GiB"), HasSubstr("f.yaml:4:26: quota: Strimzi takes less than 2GiB"));
  EXPECT_THAT(problems("platform: strimzi, settings: {broker.session.timeout.ms: 9000}"),
              HasSubstr("broker.session.timeout.ms: is taken out by Strimzi's operator"));
  EXPECT_EQ(problems("settings: {broker.session.timeout.ms: 9000}"), "");
  for (const char* old : {"zookeeper.connect: z", "inter.broker.protocol.version: 3.9", "password.encoder.secret: s",
                          "control.plane.listener.name: C"})
    EXPECT_THAT(problems(std::string("settings: {") + old + "}"), HasSubstr("is of clusters with ZooKeeper")) << old;
  for (const char* platform : {"ec2", "strimzi"})
    EXPECT_EQ(problems("platform: " + std::string(platform) +
                       ", settings: {controller.quorum.fetch.timeout.ms: 5000, ssl.enabled.protocols: TLSv1.3}"),
              "");
}

// Brokers of one cluster and controllers of another would be one record in DNS.
TEST(TopologyYaml, TwoMachinesHaveTwoNames) {
  const auto problems = [](const std::string& first, const std::string& second) {
    return outcome_of("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c-controller" + first +
                      "}, {name: c" + second + "}]\n")
        .problems;
  };
  EXPECT_THAT(problems("", ""),
              HasSubstr("f.yaml:3:19: name: its brokers would be called as the controllers of cluster "
                        "c: c-controller-1"));
  EXPECT_EQ(problems("", ", controllers: 0"), "");
  EXPECT_EQ(problems(", dns_zone: other.internal", ""), "");
  EXPECT_EQ(problems("", ", platform: strimzi"), "");
}

// A port of the target's brokers each, of which so many are open.
TEST(TopologyYaml, SoManyMirrorsIntoAClusterOnEc2) {
  const auto problems = [](int mirrors, const std::string& kind, const std::string& platform) {
    std::string text =
        "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: x}, {name: y, platform: " + platform +
        "}]\ntopics: [{name: t, cluster: x}]\nmirrors:\n";
    for (int i = 0; i < mirrors; ++i)
      text += "- {name: m" + std::to_string(i) + ", from: x, to: y, topics: [t], kind: " + kind + "}\n";
    return outcome_of(text).problems;
  };
  EXPECT_EQ(problems(100, "freshet", "ec2"), "");
  EXPECT_THAT(problems(101, "freshet", "ec2"),
              HasSubstr("f.yaml:106:3: mirrors: at most 100 of kind freshet into one"));
  EXPECT_EQ(problems(101, "freshet", "strimzi"), "");
  EXPECT_EQ(problems(101, "mirror_maker", "ec2"), "");
}

TEST(TopologyYaml, APromisePromisesSomething) {
  const auto problems = [](const std::string& level) {
    return outcome_of(kBase + "service_levels: [{name: l, " + level + "}]\n").problems;
  };
  EXPECT_THAT(problems("cluster: back"),
              HasSubstr("f.yaml:4:18: service_levels: promises nothing: needs one of availability, produce_p99 and "
                        "lag_max"));
  EXPECT_THAT(problems("lag_max: 0s"), HasSubstr("promises nothing"));
  EXPECT_THAT(problems("group: g, produce_p99: 5ms"), HasSubstr("f.yaml:4:35: group: only lag_max is a promise to a"));
  EXPECT_THAT(problems("availability: 0.999"), HasSubstr("availability: is percent of the time, as 99.9"));
  for (const char* good : {"availability: 99.9", "produce_p99: 5ms", "lag_max: 1m", "group: g, lag_max: 1m"})
    EXPECT_EQ(problems(good), "") << good;
}

TEST(TopologyYaml, ARatioOfCompressionIsBeforeToAfter) {
  const auto problems = [](const std::string& ratio) {
    return outcome_of(kBase + "topics: [{name: t, cluster: back, compression_ratio: " + ratio + "}]\n").problems;
  };
  EXPECT_THAT(problems("0.5"), HasSubstr("f.yaml:4:54: compression_ratio: is the size before compression to the size"));
  for (const char* good : {"0", "0.95", "1", "8"}) EXPECT_EQ(problems(good), "") << good;
}

TEST(TopologyYaml, MirrorsMakeTheirTopics) {
  const Topology fleet = good(
      "topics:\n"
      "- {name: clicks, cluster: front, partitions: 12, messages_per_second: 100, message_bytes: 500}\n"
      "- {name: orders, cluster: front, partitions: 6, messages_per_second: 10}\n"
      "- {name: orders, cluster: back, partitions: 3, retention: 9d}\n"
      "mirrors:\n"
      "- {from: back, to: far, topics: [clicks]}\n"  // before the one that makes it
      "- {from: front, to: back, topics: [\"*\"], partitions: 4}\n");
  ASSERT_EQ(fleet.topics.size(), 5U);
  const Topic& clicks = fleet.topics[3];
  EXPECT_EQ(fleet.path_of(clicks), "back/clicks");
  EXPECT_EQ(clicks.partitions, 4U);
  EXPECT_EQ(clicks.messages_per_s, 100);
  EXPECT_FALSE(clicks.declared);
  EXPECT_THAT(clicks.mirrors, ElementsAre(1));
  EXPECT_EQ(clicks.where.at.line, 10U);
  EXPECT_EQ(fleet.path_of(fleet.topics[4]), "far/clicks");
  EXPECT_EQ(fleet.topics[4].messages_per_s, 100);
  const Topic& orders = fleet.topics[2];
  EXPECT_EQ(orders.partitions, 3U);
  EXPECT_EQ(orders.messages_per_s, 10);
  EXPECT_TRUE(orders.declared);
  EXPECT_EQ(fleet.mirrors[1].topics.size(), 2U);
  EXPECT_EQ(fleet.mirrors[0].name, "back-to-far");
}

TEST(TopologyYaml, WhatSeveralMirrorsBringAddsUp) {
  const Topology fleet = good(
      "topics: [{name: t, cluster: front, messages_per_second: 100}, {name: t, cluster: back, messages_per_second: "
      "30}]\n"
      "mirrors: [{from: front, to: far, topics: [t]}, {from: back, to: far, topics: [t]}]\n");
  ASSERT_EQ(fleet.topics.size(), 3U);
  EXPECT_EQ(fleet.topics[2].messages_per_s, 130);
  EXPECT_THAT(fleet.topics[2].mirrors, ElementsAre(0, 1));
}

TEST(TopologyYaml, ACycleOfMirrorsIsReadForLintToRefuse) {
  const Topology fleet = good(
      "topics: [{name: t, cluster: front, messages_per_second: 5}]\n"
      "mirrors: [{from: back, to: front, topics: [\"t*\"]}, {from: front, to: back, topics: [t]}]\n");
  ASSERT_EQ(fleet.topics.size(), 2U);
  EXPECT_EQ(fleet.topics[0].messages_per_s, 5);
  EXPECT_EQ(fleet.topics[1].messages_per_s, 5);
  EXPECT_EQ(fleet.mirrors[0].topics.size(), 1U);
}

TEST(TopologyYaml, OneRunShowsEverythingThatIsWrong) {
  const std::string problems =
      outcome_of(kBase +
                 "colour: red\n"
                 "topics:\n"
                 "- {name: t, cluster: bak, partitons: 3}\n"
                 "- {name: \"a b\", cluster: back, compression: zst}\n"
                 "- {name: u, cluster: back, retention: 7 weeks}\n"
                 "- {name: u, cluster: back}\n"
                 "services: [{name: s, instances: 5, instances_max: 3,\n"
                 "  consumes: [{cluster: back, topics: [v]}], produces: [{topics: [u]}]}]\n"
                 "mirrors: [{from: front, to: front, topics: [x]}, {from: front, to: back, topics: [x*]}]\n"
                 "alert_routes: [{severity: warn}]\n")
          .problems;
  for (const char* part : {
           "f.yaml:4:1: unknown key \"colour\"",
           "f.yaml:6:22: cluster: there is no cluster \"bak\"; did you mean \"back\"? There are: front, back or far",
           "f.yaml:6:27: topics[0]: unknown key \"partitons\"; did you mean \"partitions\"?",
           "f.yaml:7:10: topics[1].name: must be up to 249 of a-z A-Z 0-9 . _ -",
           "f.yaml:7:45: topics[1].compression: must be none, gzip, snappy, lz4 or zstd, not \"zst\"; did you mean "
           "\"zstd\"?",
           "f.yaml:8:39: topics[2].retention: must be a duration",
           "f.yaml:9:10: the topic \"u\" is there twice (also at line 8)",
           "f.yaml:10:51: instances_max: must be at least instances, which is 5",
           "f.yaml:11:39: topics in cluster back: there is no topic \"v\"; did you mean \"u\"? There are: u",
           "f.yaml:11:56: cluster: is missing: one of front, back or far",
           "f.yaml:12:29: to: is the cluster that is read",
           "f.yaml:12:83: topics: no topic of cluster front matches \"x*\"",
           "f.yaml:13:16: alert_routes: needs one of slack",
       }) {
    EXPECT_THAT(problems, HasSubstr(part));
  }
}

TEST(TopologyYaml, NothingIsNotAFleet) {
  EXPECT_THAT(outcome_of("").problems, HasSubstr("must be a map"));
  EXPECT_THAT(outcome_of("fleet: f\n").problems, HasSubstr("regions: is missing"));
  EXPECT_THAT(outcome_of("fleet: f\n").problems, HasSubstr("clusters: is missing"));
}

TEST(TopologyYaml, WhatIsNotCompactedHasNoCompactedSize) {
  EXPECT_THAT(outcome_of(kBase + "topics: [{name: t, cluster: far, compacted_bytes: 1GB}]\n").problems,
              HasSubstr("f.yaml:4:51: compacted_bytes: needs cleanup: compact"));
  EXPECT_EQ(
      good("topics: [{name: t, cluster: far, compacted_bytes: 1GB, cleanup: compact}]\n").topics[0].compacted_bytes,
      1'000'000'000U);
}

// As other names: what can't be one where it is used ends up in names of hosts, in HCL and in selectors.
TEST(TopologyYaml, NamesOfOthersSystemsAreTheirs) {
  const auto problems = [](const std::string& keys) {
    return outcome_of("fleet: f\n" + keys + "\nregions: [{name: r, zones: [a, b, c]}]\n").problems;
  };
  EXPECT_THAT(problems("dns_zone: a b/c!\nclusters: [{name: c}]"),
              HasSubstr("f.yaml:2:11: dns_zone: must be names of"));
  for (const char* zone : {"a..b", ".a", "a.", "A.b", "-a.b"})
    EXPECT_THAT(problems("clusters: [{name: c, dns_zone: " + std::string(zone) + "}]"), HasSubstr("dns_zone: must be"))
        << zone;
  EXPECT_EQ(problems("clusters: [{name: c, dns_zone: kafka-1.example.org}]"), "");
  for (const char* keys : {"instance: c6g large", "controller_instance: 'm6g\"large'", "volumes: {type: g p3}",
                           "zones: [a, 'b c']", "service_groups: [My Group]"})
    EXPECT_THAT(problems("clusters: [{name: c, " + std::string(keys) + "}]"), HasSubstr("must be up to 63 of")) << keys;
}

// Brokers, controllers and pods have the name of their cluster and more: that must be a label of a host's name, too.
TEST(TopologyYaml, NamesThatAreTooLongForHostsAreRefused) {
  const auto refused = [](const std::string& name, const std::string& keys) {
    yaml::Problems problems("f.yaml");
    (void)parse_topology("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: " + name + keys + "}]\n",
                         problems);
    return problems.text();
  };
  const auto name = [](size_t length) { return std::string(length, 'n'); };
  EXPECT_EQ(refused(name(50), ""), "");  // NAME-controller-3
  EXPECT_THAT(refused(name(51), ""), testing::HasSubstr("f.yaml:3:19: name: too long by 1: a host's name would begin"));
  EXPECT_EQ(refused(name(61), ", controllers: 0, brokers: 9"), "");  // NAME-9
  EXPECT_THAT(refused(name(61), ", controllers: 0, brokers: 10"), testing::HasSubstr("too long by 1"));
  EXPECT_EQ(refused(name(24), ", platform: strimzi"), "");  // NAME-NAME-controllers-5
  EXPECT_THAT(refused(name(25), ", platform: strimzi"), testing::HasSubstr("too long by 2"));
  EXPECT_THAT(refused("c, dns_zone: " + name(63) + "." + name(63) + "." + name(63) + "." + name(50), ""),
              testing::HasSubstr("too long together with dns_zone"));
}

// A probe writes into its topic: that may be nobody else's.
TEST(TopologyYaml, AProbeHasATopicOfItsOwn) {
  const auto refused = [](const std::string& probe) {
    yaml::Problems problems("f.yaml");
    const auto fleet = parse_topology(
        "fleet: f\nregions: [{name: r, zones: [a]}]\ndefaults: {cluster: {watch: {probe: probes}}}\nclusters:\n"
        "- {name: c, watch: {probe: " +
            probe + "}}\n- {name: d}\ntopics: [{name: t, cluster: c}, {name: u, cluster: d}]\n",
        problems);
    if (fleet) {
      EXPECT_EQ(fleet->clusters.at(1).watch.probe, "probes");
    }
    return problems.text();
  };
  EXPECT_EQ(refused("freshet-probe"), "");
  EXPECT_EQ(refused("u"), "");  // of another cluster
  EXPECT_THAT(refused("t"), testing::HasSubstr("f.yaml:5:28: probe: t is a topic of cluster c"));
  EXPECT_THAT(refused("__consumer_offsets"), testing::HasSubstr("names like this are of Kafka itself"));
  EXPECT_THAT(refused("\"a b\""), testing::HasSubstr("must be"));
}

TEST(TopologyYaml, NamesOfMirrorsThatAreTooLongForPodsAreRefused) {
  const auto refused = [](const std::string& from, const std::string& platform, const std::string& keys) {
    yaml::Problems problems("f.yaml");
    (void)parse_topology("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: " + from +
                             "}, {name: b, platform: " + platform + "}]\ntopics: [{name: t, cluster: " + from +
                             "}]\nmirrors: [{from: " + from + ", to: b, topics: [t]" + keys + "}]\n",
                         problems);
    return problems.text();
  };
  const std::string longest(41, 'n');  // LONGEST-to-b-mirrormaker2-api
  EXPECT_EQ(refused(longest, "strimzi", ""), "");
  EXPECT_THAT(refused(longest + "n", "strimzi", ""), testing::HasSubstr("f.yaml:5:11: name: too long by 1"));
  EXPECT_EQ(refused(longest + "n", "strimzi", ", name: m"), "");
  EXPECT_EQ(refused(longest + "n", "ec2", ""), "") << "nothing is rendered for it";
  EXPECT_THAT(refused(longest, "strimzi", ", tasks: 4001"), testing::HasSubstr("too long by 1")) << "pods to 1000";
}

// A service's name is a label that begins with a letter, a machine's need not.
TEST(TopologyYaml, NamesOfServicesBeginWithALetter) {
  const auto problems = [](const std::string& name, const std::string& platform, const std::string& mirror) {
    return outcome_of("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: " + name + ", platform: " +
                      platform + "}, {name: b}]\ntopics: [{name: t, cluster: b}]\nmirrors: [{from: b, to: " + name +
                      ", topics: [t]" + mirror + "}]\n")
        .problems;
  };
  EXPECT_THAT(problems("1st", "strimzi", ""),
              HasSubstr("f.yaml:3:19: name: in Kubernetes it must begin with a letter"));
  EXPECT_EQ(problems("1st", "ec2", ", kind: freshet"), "");
  EXPECT_THAT(problems("c", "strimzi", ", name: 2nd"), HasSubstr("f.yaml:5:47: name: in Kubernetes it must"));
  EXPECT_EQ(problems("c", "strimzi", ", name: 2nd, kind: freshet"), "");
}

}  // namespace
}  // namespace freshet::fleet
