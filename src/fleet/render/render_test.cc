// All targets together: golden files, the same bytes for the same input, and what must hold of any fleet.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "fleet/limits.h"
#include "fleet/render/alertmanager.h"
#include "fleet/render/alerts.h"
#include "fleet/render/ansible.h"
#include "fleet/render/names.h"
#include "fleet/render/prometheus.h"
#include "fleet/render/targets.h"
#include "fleet/render/terraform.h"
#include "fleet/topology_yaml.h"
#include "testing/file.h"
#include "testing/project_path.h"

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Source kSource = {"fleet.yaml", std::string(32, '0')};

// Two regions, both platforms, a mirror that changes the number of partitions of one topic, a route of one team.
const std::string kBoth =
    "fleet: both\n"
    "dns_zone: kafka.example\n"
    "regions: [{name: r1, zones: [r1a, r1b, r1c]}, {name: r2, zones: [r2a, r2b, r2c]}]\n"
    "clusters:\n"
    "  - {name: front, kind: fronting, region: r1, brokers: 4, controllers: 0, owner: platform}\n"
    "  - {name: back, region: r2, platform: strimzi, service_groups: [shop], owner: platform, kafka_version: 4.0.0}\n"
    "topics:\n"
    "  - {name: clicks.v1, cluster: front, partitions: 12, messages_per_second: 1000, owner: web}\n"
    "  - {name: Orders_v2, cluster: front, partitions: 6, messages_per_second: 100, owner: shop, retention: 7d}\n"
    "  - {name: clicks.v1, cluster: back, partitions: 24, owner: web}\n"
    "mirrors: [{name: shop, from: front, to: back, topics: [clicks.v1, Orders_v2], guarantee: exactly_once}]\n"
    "service_levels: [{name: writes, produce_p99: 50ms}]\n"
    "alert_routes:\n"
    "  - {severity: warn, slack: \"#kafka\"}\n"
    "  - {severity: critical, pagerduty: platform-oncall}\n"
    "  - {severity: critical, slack: \"#web-alerts\", owner: web}\n";

Topology parsed(const std::string& text) {
  yaml::Problems problems("fleet.yaml");
  auto topology = parse_topology(text, problems);
  EXPECT_EQ(problems.text(), "");
  return topology ? *topology : Topology{};
}

Rendering rendered(const std::string& text, const std::vector<std::string>& only = {}) {
  auto out = render(parsed(text), kSource, only);
  EXPECT_TRUE(out) << (out ? "" : out.error().message);
  return out ? *out : Rendering{};
}

std::string file_of(const Rendering& rendering, const std::string& path) {
  for (const File& file : rendering.files) {
    if (file.path == path) return file.bytes;
  }
  ADD_FAILURE() << "no file " << path;
  return "";
}

// FRESHET_WRITE_GOLDEN=1 writes them anew; look at the difference before it is committed.
TEST(Render, SmallExampleIsAsTheGoldenFiles) {
  const std::filesystem::path golden = project_path("tests/golden/fleet/small");
  const Rendering rendering = rendered(file_text("examples/fleet/small.yaml"));
  std::set<std::string> paths;
  for (const File& file : rendering.files) {
    if (file.path == "prometheus/proofs/alerts.yml") continue;  // long; promtool runs it
    paths.insert(file.path);
    if (std::getenv("FRESHET_WRITE_GOLDEN") != nullptr) {
      std::filesystem::create_directories((golden / file.path).parent_path());
      std::ofstream(golden / file.path, std::ios::binary) << file.bytes;
    }
    EXPECT_EQ(file.bytes, file_text(golden / file.path)) << file.path;
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(golden)) {
    if (!entry.is_regular_file()) continue;
    EXPECT_TRUE(paths.contains(entry.path().lexically_relative(golden).generic_string())) << entry.path();
  }
}

TEST(Render, EveryFileSaysWhereItComesFrom) {
  for (const File& file : rendered(kBoth).files) {
    EXPECT_THAT(file.bytes, HasSubstr("from fleet.yaml (xxh128 " + kSource.hash + ")")) << file.path;
    EXPECT_TRUE(file.bytes.ends_with("\n")) << file.path;
  }
}

// A source of one broker, a target of three; large records; an address that is reached from elsewhere.
TEST(Render, MirrorMakerIsMadeForBothItsEnds) {
  const std::string text =
      "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\n"
      "clusters: [{name: x, brokers: 1, platform: strimzi, connect: {bootstrap: \"x.example:9094\"}},\n"
      "  {name: y, brokers: 3, platform: strimzi}]\n"
      "topics: [{name: t, cluster: x, replication: 1, message_bytes_max: 5MiB}, {name: t, cluster: y, "
      "message_bytes_max: "
      "5MiB}]\n"
      "mirrors: [{from: x, to: y, topics: [t]}]\n";
  for (const char* api : {"v1", "v1beta2"}) {
    const std::string mirrors = file_of(rendered(text, {"strimzi"}), fmt::format("strimzi/{}/y/mirrors.yaml", api));
    EXPECT_THAT(mirrors, HasSubstr("offset-syncs.topic.replication.factor: 1\n"));
    EXPECT_THAT(mirrors, HasSubstr("checkpoints.topic.replication.factor: 3\n"));
    EXPECT_THAT(mirrors, HasSubstr(fmt::format("producer.override.max.request.size: {}\n", 40 << 20)));
    EXPECT_THAT(mirrors, HasSubstr(fmt::format("producer.override.buffer.memory: {}\n", 80 << 20)));
    EXPECT_THAT(mirrors, HasSubstr("x.example:9094"));
    EXPECT_THAT(mirrors, Not(HasSubstr("x-kafka-bootstrap")));
  }
}

// The operator of v1beta2 would have both be one Connect cluster.
TEST(Render, TwoMirrorsIntoOneClusterAreTwoConnectClusters) {
  const std::string text =
      "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\n"
      "clusters: [{name: x, platform: strimzi}, {name: y, platform: strimzi}, {name: z, platform: strimzi}]\n"
      "topics: [{name: t, cluster: x}, {name: u, cluster: y}]\n"
      "mirrors: [{from: x, to: z, topics: [t]}, {from: y, to: z, topics: [u]}]\n";
  const std::string mirrors = file_of(rendered(text, {"strimzi"}), "strimzi/v1beta2/z/mirrors.yaml");
  const size_t second = mirrors.rfind("---\n");
  EXPECT_THAT(mirrors.substr(0, second), Not(HasSubstr("group.id"))) << "the first keeps the operator's name";
  for (const char* line :
       {"group.id: mirror-y-to-z\n", "config.storage.topic: mirror-y-to-z-configs\n",
        "offset.storage.topic: mirror-y-to-z-offsets\n", "status.storage.topic: mirror-y-to-z-status\n"})
    EXPECT_THAT(mirrors.substr(second), HasSubstr(line));
}

// What a target keeps is what the plan counts.
TEST(Render, MirrorsWriteWithTheCodecOfTheirTopics) {
  const auto of = [](const std::string& keys, const std::string& kind, const std::string& path) {
    return file_of(rendered("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\n"
                            "clusters: [{name: x, platform: strimzi}, {name: y, platform: strimzi}]\n"
                            "topics: [{name: t, cluster: x, " +
                            keys +
                            ", messages_per_second: 9}, {name: u, cluster: x, messages_per_second: 1}]\n"
                            "mirrors: [{from: x, to: y, topics: [\"*\"], kind: " +
                            kind + "}]\n"),
                   path);
  };
  const std::string maker = "strimzi/v1/y/mirrors.yaml";
  const std::string freshet = "mirrors/x-to-y/kubernetes.yaml";
  EXPECT_THAT(of("compression: zstd", "mirror_maker", maker), HasSubstr("producer.override.compression.type: zstd\n"));
  EXPECT_THAT(of("compression: lz4", "mirror_maker", maker), HasSubstr("producer.override.compression.type: lz4\n"));
  EXPECT_THAT(of("compression: zstd", "freshet", freshet), HasSubstr("compression.codec: zstd\n"));
  EXPECT_THAT(of("compression: lz4", "freshet", freshet), Not(HasSubstr("compression.codec")));
}

// To whoever reads YAML as it was first defined, 010 is eight.
TEST(Render, NumbersThatAreNotWrittenSoStayText) {
  const std::string text =
      "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\n"
      "clusters: [{name: c, platform: strimzi, settings: {num.io.threads: \"010\", num.network.threads: 8}}, {name: e, "
      "settings: {num.io.threads: 010}}]\n"
      "topics: [{name: t, cluster: c, settings: {segment.ms: 0600000}}]\n";
  const Rendering rendering = rendered(text);
  EXPECT_THAT(file_of(rendering, "strimzi/v1/c/kafka.yaml"), HasSubstr("num.io.threads: \"010\"\n"));
  EXPECT_THAT(file_of(rendering, "strimzi/v1/c/kafka.yaml"), HasSubstr("num.network.threads: 8\n"));
  EXPECT_THAT(file_of(rendering, "strimzi/v1/c/topics.yaml"), HasSubstr("segment.ms: \"0600000\"\n"));
  EXPECT_THAT(file_of(rendering, "ansible/e/hosts.yml"), HasSubstr("num.io.threads: \"010\"\n"));
}

TEST(Render, WhatOthersEvaluateStaysText) {
  const std::string text =
      "fleet: f\ndns_zone: k.example\nregions: [{name: r, zones: [a, b, c]}]\n"
      "clusters: [{name: c, settings: {client.quota.callback.class: \"{{ x }}\"}}]\n"
      "alert_routes: [{severity: warn, slack: \"a{{{ b\"}]\n";
  const Rendering rendering = rendered(text);
  EXPECT_THAT(file_of(rendering, "ansible/c/hosts.yml"),
              HasSubstr("client.quota.callback.class: !unsafe \"{{ x }}\"\n"));
  EXPECT_THAT(file_of(rendering, "alertmanager/alertmanager.yml"), HasSubstr(R"("a{{ \"{{\" }}{ b")"));
}

TEST(Render, SameInputSameBytes) {
  const Rendering a = rendered(kBoth);
  const Rendering b = rendered(kBoth);
  ASSERT_EQ(a.files.size(), b.files.size());
  for (size_t i = 0; i < a.files.size(); ++i) {
    EXPECT_EQ(a.files[i].path, b.files[i].path);
    EXPECT_EQ(a.files[i].bytes, b.files[i].bytes);
  }
}

// kBoth with a mirror of the other kind, in both directions.
std::string of_freshet() {
  std::string text = kBoth;
  text.replace(text.find("{name: shop,"), 12, "{name: shop, kind: freshet, user: m,");
  text.insert(text.find("service_levels:"), "  - {name: back, kind: freshet, from: back, to: front, topics: [paid]}\n");
  text.replace(text.find("mirrors: ["), 10, "mirrors:\n  - ");
  text.erase(text.find("exactly_once}]") + 13, 1);
  text.insert(text.find("mirrors:"), "  - {name: paid, cluster: back, partitions: 3}\n");
  return text;
}

TEST(Render, OnlyWhatIsAskedFor) {
  for (const Target& target : targets()) {
    const Rendering part = rendered(of_freshet(), {std::string(target.name)});
    EXPECT_FALSE(part.files.empty()) << target.name;
    for (const File& file : part.files) EXPECT_TRUE(file.path.starts_with(std::string(target.name) + "/")) << file.path;
  }
  const auto wrong = render(parsed(kBoth), kSource, {"grafan"});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("did you mean \"grafana\"?"));
}

TEST(Render, BrokersAreTheSameInTerraformAndAnsible) {
  const Rendering rendering = rendered(kBoth);
  const std::string machines = file_of(rendering, "terraform/r1/front/terragrunt.hcl");
  const std::string inventory = file_of(rendering, "ansible/front/hosts.yml");
  for (int i = 1; i <= 4; ++i) {
    EXPECT_THAT(machines, HasSubstr(fmt::format("fqdn          = \"front-{}.kafka.example\"", i)));
    EXPECT_THAT(inventory, HasSubstr(fmt::format("    front-{}.kafka.example:\n      broker_id: {}\n", i, i)));
  }
  EXPECT_THAT(inventory, HasSubstr("broker.rack: r1a"));
  EXPECT_THAT(inventory, HasSubstr("kafka_controller:\n  hosts:\n    front-1.kafka.example:\n      "
                                   "kafka_controller_custom_properties:\n"));
  EXPECT_THAT(inventory, HasSubstr("log.dirs: /var/lib/kafka/disk1/kafka\n"));
  EXPECT_THAT(machines, HasSubstr("/var/lib/kafka/disk1"));
}

// The lock file of the S3 backend came with 1.10: an older one refuses `init`, and must say so at once.
TEST(Terraform, AsksForTheVersionThatItsStateNeeds) {
  const Rendering rendering = rendered(kBoth);
  ASSERT_THAT(file_of(rendering, "terraform/root.hcl"), HasSubstr("use_lockfile = true"));
  EXPECT_THAT(file_of(rendering, "terraform/modules/kafka-cluster/versions.tf"),
              HasSubstr("required_version = \">= 1.10\""));
}

TEST(Terraform, OpensAPortForEachMirrorThatThereMayBe) {
  const std::string module = file_of(rendered(kBoth), "terraform/modules/kafka-cluster/main.tf");
  EXPECT_THAT(module,
              HasSubstr(fmt::format("from_port         = 8090\n  to_port           = {}\n", 8089 + kMirrorsMost)));
}

TEST(Ansible, ConfluentCarriesKafka) {
  EXPECT_EQ(confluent_version("3.9.1"), "7.9");
  EXPECT_EQ(confluent_version("4.1"), "8.1");
  EXPECT_EQ(confluent_version("4.2.1"), "8.2");
  EXPECT_EQ(confluent_version("4.3.1"), "") << "not known to be carried";
  EXPECT_EQ(confluent_version("5.0.0"), "");
  EXPECT_EQ(confluent_version("3.99.0"), "");
}

TEST(Ansible, BrokersHaveTheHeapThatPlansCount) {
  const auto hosts = [](const std::string& instance) {
    return file_of(rendered("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, instance: " +
                                instance + "}]\n",
                            {"ansible"}),
                   "ansible/c/hosts.yml");
  };
  EXPECT_THAT(hosts("c6g.large"), HasSubstr("KAFKA_HEAP_OPTS: \"-Xms2048m -Xmx2048m\"\n"));
  EXPECT_THAT(hosts("c6g.4xlarge"), HasSubstr("-Xmx6144m"));
  EXPECT_THAT(hosts("x9z.large"), Not(HasSubstr("HEAP")));
}

// KRaft's controllers make topics with defaults of their own, refuse tiered ones that they know no storage for, and
// elect leaders: settings that brokers alone have would do nothing there.
TEST(Ansible, ControllersHaveTheSettingsOfBrokers) {
  for (const char* controllers : {"3", "0"}) {
    const std::string inventory =
        file_of(rendered(std::string("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\n"
                                     "clusters: [{name: c, controllers: ") +
                             controllers + ", settings: {remote.log.storage.system.enable: true}}]\n",
                         {"ansible"}),
                "ansible/c/hosts.yml");
    const size_t begin = inventory.find("kafka_controller:\n");
    const std::string of_controllers = inventory.substr(begin, inventory.find("kafka_broker:\n") - begin);
    for (const char* line : {"remote.log.storage.system.enable: true\n", "default.replication.factor: 3\n",
                             "min.insync.replicas: 2\n", "unclean.leader.election.enable: false\n"})
      EXPECT_THAT(of_controllers, HasSubstr(line)) << controllers;
    EXPECT_THAT(of_controllers, Not(HasSubstr("log.dirs"))) << "a controller has a log directory of its own";
  }
}

TEST(Ansible, SaysThatNothingMakesTopics) {
  EXPECT_THAT(rendered(kBoth).notes,
              testing::Contains(HasSubstr("cluster front: nothing that is rendered makes its 2 topics")));
  EXPECT_THAT(rendered(kBoth, {"ansible"}).notes, testing::SizeIs(1));
  EXPECT_THAT(rendered(kBoth, {"strimzi"}).notes, Not(testing::Contains(HasSubstr("makes its"))));
}

TEST(Strimzi, MirrorMakerGetsOnlyWhatItCanDo) {
  const Rendering rendering = rendered(kBoth);
  const std::string v1 = file_of(rendering, "strimzi/v1/back/mirrors.yaml");
  EXPECT_THAT(v1, HasSubstr("topicsPattern: Orders_v2\n")) << "clicks.v1 has other partitions in back";
  EXPECT_THAT(v1, HasSubstr("exactly.once.source.support: enabled"));
  EXPECT_THAT(v1, HasSubstr("exactly.once.support: required"));
  EXPECT_THAT(file_of(rendering, "strimzi/v1beta2/back/mirrors.yaml"), HasSubstr("connectCluster: back\n"));
  EXPECT_THAT(rendering.notes, testing::Contains(HasSubstr("mirror shop: 1 of 2 topics are left out")));
}

TEST(Strimzi, MirrorsLeaveOutNamesThatAreNeverCopied) {
  std::string text = kBoth;
  for (size_t at = text.find("Orders_v2"); at != std::string::npos; at = text.find("Orders_v2", at + 1))
    text.replace(at, 9, "o-internal");
  const Rendering rendering = rendered(text);
  EXPECT_THAT(rendering.notes,
              testing::Contains(HasSubstr("mirror shop: 1 of 2 topics are left out: MirrorMaker 2 never")));
  EXPECT_THAT(rendering.notes, testing::Contains(HasSubstr("mirror shop: 1 of 2 topics are left out: their number")));
  for (const File& file : rendering.files) EXPECT_THAT(file.path, Not(HasSubstr("mirrors.yaml")));
}

TEST(Strimzi, MirrorsLeaveTheTargetsSettingsAlone) {
  const Rendering rendering = rendered(kBoth);
  for (const char* api : {"v1", "v1beta2"}) {
    const std::string folder = fmt::format("strimzi/{}/back/", api);
    EXPECT_THAT(file_of(rendering, folder + "mirrors.yaml"), HasSubstr("sync.topic.configs.enabled: false\n"));
    // So all of them must be made, also those that only the mirror makes.
    EXPECT_THAT(file_of(rendering, folder + "topics.yaml"), HasSubstr("topicName: Orders_v2\n"));
  }
}

TEST(Strimzi, TopicsOfAnyNameAreObjects) {
  const std::string topics = file_of(rendered(kBoth), "strimzi/v1/back/topics.yaml");
  EXPECT_THAT(topics, HasSubstr("name: back.clicks.v1\n"));
  EXPECT_THAT(topics, HasSubstr("name: back.orders-v2-"));
  EXPECT_THAT(topics, HasSubstr("topicName: Orders_v2\n"));
}

TEST(Strimzi, ItsDefaultIsAKafkaThatItRuns) {
  const auto of = [](const std::string& head, const std::string& keys) {
    return rendered("fleet: f\n" + head +
                        "regions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, platform: strimzi" + keys +
                        "}]\n",
                    {"strimzi"});
  };
  EXPECT_THAT(file_of(of("", ""), "strimzi/v1/c/kafka.yaml"), HasSubstr("version: \"4.1.0\"\n"));
  EXPECT_TRUE(of("", "").notes.empty());
  const Rendering old = of("defaults: {cluster: {kafka_version: 3.9.1}}\n", "");
  EXPECT_THAT(file_of(old, "strimzi/v1/c/kafka.yaml"), HasSubstr("version: \"3.9.1\"\n"));
  EXPECT_THAT(old.notes, ElementsAre(HasSubstr("do not run Kafka version 3.9.1: apply strimzi/v1beta2")));
}

TEST(Strimzi, SpreadsThePodsOfAPoolAndCountsNoOthers) {
  const std::string kafka = file_of(rendered(kBoth), "strimzi/v1/back/kafka.yaml");
  for (const char* pool : {"back-brokers", "back-controllers"}) {
    EXPECT_THAT(kafka, HasSubstr(fmt::format("matchLabels:\n              strimzi.io/cluster: back\n"
                                             "              strimzi.io/pool-name: {}\n",
                                             pool)));
  }
  EXPECT_THAT(kafka, HasSubstr("preferredDuringSchedulingIgnoredDuringExecution:\n"));
  EXPECT_THAT(kafka, HasSubstr("topologyKey: kubernetes.io/hostname\n")) << "a node each, where there are enough";
}

TEST(Mirrors, AreADeploymentInKubernetes) {
  const Rendering rendering = rendered(of_freshet());
  const std::string file = file_of(rendering, "mirrors/shop/kubernetes.yaml");
  EXPECT_THAT(file, HasSubstr("      - match: clicks.v1\n        partitions: 24\n      - match: Orders_v2\n"));
  EXPECT_THAT(file, HasSubstr("kind: Deployment\n"));
  EXPECT_THAT(file, HasSubstr("type: Recreate\n"));
  EXPECT_THAT(file_of(rendering, "prometheus/r2/prometheus.yml"), HasSubstr("job_name: freshet-mirror\n"));
  for (const File& other : rendering.files) EXPECT_THAT(other.path, Not(HasSubstr("/back/mirrors.yaml")));
  EXPECT_THAT(file_of(rendering, "prometheus/r2/facts.yml"), HasSubstr("fleet:mirror_info"));
  for (const std::string& note : rendering.notes) EXPECT_THAT(note, Not(HasSubstr("mirror shop")));
}

// A pod whose Secret is not there does not start, and says so nowhere but in its events.
TEST(Mirrors, NoteSecretsOfOtherNamespaces) {
  const auto notes = [](const std::string& kind, const std::string& from, const std::string& security = "tls") {
    const auto out =
        rendered("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: x, " + from +
                     ", security: {transport: " + security +
                     "}}, {name: y, platform: strimzi}]\ntopics: [{name: t, cluster: x}]\nmirrors: [{name: m, from: x, "
                     "to: y, topics: [t], kind: " +
                     kind + "}]\n",
                 {kind == "freshet" ? "mirrors" : "strimzi"});
    return out.notes;
  };
  for (const char* kind : {"freshet", "mirror_maker"}) {
    EXPECT_THAT(notes(kind, "platform: strimzi, namespace: other"),
                ElementsAre("mirror m: its pods in namespace kafka need x-cluster-ca-cert of cluster x, which somebody "
                            "copies there"));
    EXPECT_THAT(notes(kind, "platform: ec2"), ElementsAre(HasSubstr("need x-ca of cluster x, which somebody makes")));
    EXPECT_THAT(notes(kind, "platform: strimzi"), ElementsAre());
    EXPECT_THAT(notes(kind, "platform: strimzi, namespace: other", "plaintext"), ElementsAre());
  }
}

TEST(Mirrors, NoteWhatIsTooLargeForKubernetes) {
  const auto notes = [](int topics) {
    std::string text =
        "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: x, platform: strimzi}, {name: y, "
        "platform: strimzi}]\nmirrors: [{name: m, from: x, to: y, topics: [\"*\"], kind: freshet}]\ntopics:\n";
    for (int i = 0; i < topics; ++i)
      text += fmt::format("- {{name: {}-{}, cluster: x, partitions: 1}}\n", std::string(100, 'n'), i);
    return rendered(text, {"mirrors"}).notes;
  };
  EXPECT_THAT(notes(2000), ElementsAre());
  EXPECT_THAT(notes(2500), ElementsAre(HasSubstr("mirror m: its ConfigMap is larger than an annotation may be")));
  EXPECT_THAT(notes(10'000), ElementsAre(HasSubstr("larger than Kubernetes takes (1 MiB)")));
}

TEST(Mirrors, AreUnitsOnTheTargetsFirstBrokers) {
  const Rendering rendering = rendered(of_freshet());
  const std::string playbook = file_of(rendering, "mirrors/back/playbook.yml");
  EXPECT_THAT(playbook, HasSubstr("hosts: \"front-1.kafka.example,front-2.kafka.example\"\n"));
  EXPECT_THAT(playbook, HasSubstr("--config /etc/freshet/mirror-back.yaml --listen 0.0.0.0:8090 --instance %H\n"));
  EXPECT_THAT(playbook, Not(HasSubstr("@")));
  EXPECT_THAT(file_of(rendering, "mirrors/back/mirror.yaml"), HasSubstr("topics:\n  - match: paid\n"));
  const std::string scrape = file_of(rendering, "prometheus/r1/prometheus.yml");
  EXPECT_THAT(scrape, HasSubstr("job_name: freshet-mirror-back\n"));
  for (const std::string& note : rendering.notes) EXPECT_THAT(note, Not(HasSubstr("mirror back")));
}

TEST(Mirrors, KnowThemselvesToGuardedClusters) {
  std::string text = of_freshet();
  text.replace(text.find("kafka_version: 4.0.0"), 20,
               "kafka_version: 4.0.0, security: {transport: tls, authentication: scram_sha_512, super_users: [root]}");
  const std::string file = file_of(rendered(text), "mirrors/shop/kubernetes.yaml");
  for (const char* part :
       {"security.protocol: sasl_ssl\n", "ssl.ca.location: /etc/freshet/back/ca.crt\n",
        "sasl.mechanism: SCRAM-SHA-512\n", "sasl.username: m\n", "sasl.password: \"${TARGET_PASSWORD}\"\n",
        "name: TARGET_PASSWORD\n", "name: back-cluster-ca-cert\n"})
    EXPECT_THAT(file, HasSubstr(part));
}

TEST(Names, ObjectsOfKubernetes) {
  EXPECT_EQ(object_name("a.b-1"), "a.b-1");
  const auto is_valid = [](const std::string& name) {
    if (name.empty() || name.size() > 253) return false;
    for (size_t i = 0; i < name.size(); ++i) {
      const char c = name[i];
      const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      const bool at_edge = i == 0 || i + 1 == name.size() || name[i - 1] == '.' || name[i + 1] == '.';
      if (!letter && (at_edge || (c != '-' && c != '.'))) return false;
    }
    return true;
  };
  std::set<std::string> seen;
  for (const std::string text :
       {"A", "a", "_", "a_b", "a-b", "a.b", "a..b", ".a", "a.", "-a", "#kafka", "ä", "a.-b", "--", "."}) {
    EXPECT_TRUE(is_valid(object_name(text))) << text << " " << object_name(text);
    EXPECT_TRUE(seen.insert(object_name(text)).second) << text;
  }
  EXPECT_TRUE(is_valid(object_name(std::string(300, 'a'))));
}

TEST(Alerts, EachHasAProofThatCanFail) {
  std::set<std::string_view> names;
  for (const Alert& alert : alerts()) {
    EXPECT_TRUE(names.insert(alert.name).second) << alert.name;
    EXPECT_FALSE(alert.incident.series.empty() || alert.near_miss.series.empty() || alert.near_miss.what.empty())
        << alert.name;
    EXPECT_GE(alert.incident.fires_within, alert.for_minutes) << alert.name;
    EXPECT_GT(alert.near_miss.minutes, alert.for_minutes) << alert.name << ": looked at for too short a time";
    EXPECT_EQ(alert.format.empty(), alert.summary.find("{value}") == std::string_view::npos) << alert.name;
    EXPECT_EQ(alert.format.empty(), alert.incident.value.empty()) << alert.name;
    EXPECT_FALSE(alert.action.empty()) << alert.name;
  }
}

TEST(Alertmanager, EverybodyGetsWhatIsTheirs) {
  const Topology topology = parsed(kBoth);
  EXPECT_THAT(receivers_of(topology, Severity::kCritical, "platform"), ElementsAre("pagerduty-platform-oncall"));
  EXPECT_THAT(receivers_of(topology, Severity::kCritical, "web"),
              ElementsAre("pagerduty-platform-oncall", object_name("slack-#web-alerts")));
  EXPECT_THAT(receivers_of(topology, Severity::kWarn, "web"), ElementsAre(object_name("slack-#kafka")));
  EXPECT_THAT(receivers_of(Topology{}, Severity::kWarn, "web"), ElementsAre(kNobody));
}

// Two routes to one receiver are two messages, and two incidents.
TEST(Alertmanager, NobodyIsToldTwice) {
  const std::string text =
      "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, owner: web}]\nalert_routes:\n"
      "- {severity: critical, pagerduty: p, owner: web}\n- {severity: critical, slack: s, owner: web}\n"
      "- {severity: critical, pagerduty: p}\n- {severity: critical, pagerduty: p}\n"
      "- {severity: warn, pagerduty: p, owner: web}\n";
  EXPECT_THAT(receivers_of(parsed(text), Severity::kCritical, "web"), ElementsAre("slack-s", "pagerduty-p"));
  EXPECT_THAT(receivers_of(parsed(text), Severity::kWarn, "web"), ElementsAre("pagerduty-p"));
  const std::string config = file_of(rendered(text), "alertmanager/alertmanager.yml");
  size_t routes = 0;
  for (size_t at = config.find("continue: true"); at != std::string::npos; at = config.find("continue: true", at + 1))
    ++routes;
  EXPECT_EQ(routes, 3u);
}

TEST(Alertmanager, TeamsThatNoRouteTakesAreNoted) {
  const auto notes = [](const std::string& routes) {
    return rendered(
               "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, owner: x}, {name: d}]\n"
               "topics: [{name: t, cluster: c, owner: y}]\nalert_routes: [{severity: critical, pagerduty: p}, " +
                   routes + "]\n",
               {"alertmanager"})
        .notes;
  };
  EXPECT_THAT(notes("{severity: warn, slack: s, owner: x}"),
              ElementsAre(HasSubstr("severity warn of what has no owner, y reach nobody")));
  EXPECT_THAT(notes("{severity: warn, slack: s}, {severity: warn, slack: z, owner: z}"), ElementsAre());
}

TEST(Terraform, NotesWhichProviderKnowsFastVolumes) {
  const auto notes = [](const std::string& throughput) {
    return rendered(
               "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, volumes: {iops: 8000, "
               "throughput: " +
                   throughput + "}}]\n",
               {"terraform"})
        .notes;
  };
  EXPECT_THAT(notes("1001MiB"), ElementsAre(HasSubstr("AWS provider 6.17")));
  EXPECT_THAT(notes("1000MiB"), ElementsAre());
}

TEST(Terraform, NotesMirrorsOfOtherNetworks) {
  EXPECT_THAT(
      rendered(kBoth, {"terraform"}).notes,
      ElementsAre("cluster front: brokers let in their own network only: name that of r2, where it is mirrored to, "
                  "when its Terraform is applied (TF_VAR_client_cidrs)"));
  std::string one = kBoth;
  one.replace(one.find("region: r2"), 10, "region: r1");
  EXPECT_THAT(rendered(one, {"terraform"}).notes, ElementsAre());
}

TEST(Terraform, NotesWhatATypeOfVolumeDoesNotTake) {
  const auto notes = [](const std::string& volumes) {
    return rendered(
               "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, volumes: {" + volumes + "}}]\n",
               {"terraform"})
        .notes;
  };
  EXPECT_THAT(notes("type: st1, iops: 8000, throughput: 500MiB"),
              ElementsAre(HasSubstr("cluster c: volumes of type st1 take no iops, throughput")));
  EXPECT_THAT(notes("type: io2, iops: 8000, throughput: 500MiB"),
              ElementsAre(HasSubstr("type io2 take no throughput")));
  EXPECT_THAT(notes("type: gp3, iops: 8000, throughput: 500MiB"), ElementsAre());
  EXPECT_THAT(notes("type: gp2"), ElementsAre());
}

// What plan counts with, and the storage class has.
TEST(Strimzi, NotesVolumesThatItDoesNotMake) {
  const auto notes = [](const std::string& volumes) {
    return rendered(
               "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, platform: strimzi, volumes: {" +
                   volumes + "}}]\n",
               {"strimzi"})
        .notes;
  };
  EXPECT_THAT(notes("size: 100GiB, iops: 16000"),
              ElementsAre(HasSubstr("volumes have the iops of the storage class gp3")));
  EXPECT_THAT(notes("size: 100GiB"), ElementsAre());
}

TEST(Alertmanager, WarningsAreNoCriticalEvents) {
  const auto config = [](const std::string& routes) {
    return file_of(rendered("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c}]\nalert_routes: [" +
                            routes + "]\n"),
                   "alertmanager/alertmanager.yml");
  };
  EXPECT_THAT(config("{severity: warn, pagerduty: low}"), HasSubstr("severity: warning\n"));
  EXPECT_THAT(config("{severity: critical, pagerduty: high}"), HasSubstr("severity: critical\n"));
  // One service for both: which it is, the alert says.
  EXPECT_THAT(config("{severity: warn, pagerduty: all}, {severity: critical, pagerduty: all}"),
              HasSubstr("}}critical{{ else }}warning{{ end }}"));
}

// Kafka tells one idle share of request handlers for both, where a broker is a controller, too.
TEST(Prometheus, KnowsWhoseHandlersAreTold) {
  const auto facts = [](const std::string& cluster) {
    return file_of(
        rendered("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, " + cluster + "}]\n"),
        "prometheus/r/facts.yml");
  };
  const std::string name = "record: fleet:cluster_shared_handlers\n        expr: ";
  EXPECT_THAT(facts("platform: strimzi, controllers: 0, kafka_version: 4.1.0"), HasSubstr(name + "vector(1)"));
  EXPECT_THAT(facts("platform: strimzi, controllers: 0, kafka_version: 4.2.0"), HasSubstr(name + "vector(2)"));
  EXPECT_THAT(facts("platform: strimzi"), Not(HasSubstr("shared_handlers")));
  EXPECT_THAT(facts("controllers: 0"), Not(HasSubstr("shared_handlers"))) << "a second process";
}

TEST(Prometheus, FindsControllersOnBrokersMachines) {
  const auto jobs = [](const std::string& clusters) {
    return file_of(rendered("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [" + clusters + "]\n"),
                   "prometheus/r/prometheus.yml");
  };
  const std::string shared = jobs(
      "{name: c, brokers: 5, controllers: 0}, {name: d, brokers: 2, controllers: 0}, {name: e},"
      " {name: k, controllers: 0, platform: strimzi}");
  ASSERT_THAT(shared, HasSubstr("job_name: kafka-ec2-shared-controller\n"));
  EXPECT_THAT(shared, HasSubstr("regex: c;1|c;2|c;3|d;1\n")) << "as in the inventory";
  EXPECT_THAT(jobs("{name: e}"), Not(HasSubstr("shared-controller")));
}

// Kafka's exporter, or Cruise Control, has the cluster's label and a port of that name, too.
TEST(Prometheus, ScrapesPodsOfPoolsOnly) {
  EXPECT_THAT(file_of(rendered(kBoth), "prometheus/r2/prometheus.yml"),
              HasSubstr("- __meta_kubernetes_pod_label_strimzi_io_pool_name\n        regex: "));
}

// A broker loses a log directory that is full, and Kafka does not tell in which directory its replicas are.
TEST(Prometheus, LooksAtEachLogDirectory) {
  const Rendering rendering = rendered(kBoth);
  const std::string ec2 = file_of(rendering, "prometheus/r1/prometheus.yml");
  EXPECT_THAT(ec2, HasSubstr("regex: \"/var/lib/kafka/disk[0-9]+\"\n"));
  EXPECT_THAT(std::string(kMountPattern), testing::StartsWith(mount_of(0).substr(0, mount_of(0).size() - 1)));
  EXPECT_THAT(ec2, HasSubstr("port: 9100\n"));
  EXPECT_THAT(file_of(rendering, "terraform/modules/kafka-cluster/main.tf"), HasSubstr("from_port         = 9100\n"));
  EXPECT_THAT(file_of(rendering, "ansible/node-exporter.yml"), HasSubstr("name: prometheus-node-exporter\n"));
  EXPECT_THAT(file_of(rendering, "prometheus/r2/prometheus.yml"),
              HasSubstr("regex: \"kafka;data-[0-9]+-back-back-brokers-[0-9]+\"\n"))
      << "Strimzi's name of a broker's claim";
}

TEST(Prometheus, FactsSayWhatTheTopologySays) {
  const Topology topology = parsed(kBoth);
  const auto value = [&](Index region, std::string_view name) {
    for (const Fact& fact : facts_of(topology, region)) {
      if (fact.name == name) return fact.value;
    }
    return -1.0;
  };
  EXPECT_EQ(value(0, "fleet:cluster_brokers"), 4);
  EXPECT_EQ(value(0, "fleet:cluster_brokers_spare"), 1) << "replication 3, min ISR 2";
  EXPECT_EQ(value(0, "fleet:cluster_topics"), 2);
  EXPECT_EQ(value(0, "fleet:topic_messages_per_second_max"), 2000) << "twice the average";
  EXPECT_EQ(value(0, "fleet:cluster_produce_p99_milliseconds"), 50);
  EXPECT_EQ(value(0, "fleet:mirror_info"), -1);
  EXPECT_EQ(value(1, "fleet:mirror_info"), 1);
  EXPECT_THAT(file_of(rendered(kBoth), "prometheus/r2/prometheus.yml"), Not(HasSubstr("ec2_sd_configs")));
}

TEST(Prometheus, APromiseForATopicIsOfItsReadersAndOfNoOtherTopic) {
  const std::string text =
      "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c}]\n"
      "topics: [{name: urgent, messages_per_second: 10, peak_factor: 2}, {name: bulk, messages_per_second: 1000}]\n"
      "services:\n"
      "  - {name: quick, consumes: [{topics: [urgent, bulk]}]}\n"
      "  - {name: batch, consumes: [{topics: [bulk]}]}\n"
      "service_levels: [{name: l, topic: urgent, lag_max: 10s, produce_p99: 5ms}, {name: m, topic: urgent, lag_max: "
      "20s}, {name: n, group: quick, lag_max: 60s}]\n";
  std::set<std::string> said;
  for (const Fact& fact : facts_of(parsed(text), 0)) {
    EXPECT_NE(fact.name, "fleet:cluster_produce_p99_milliseconds");
    if (fact.name != "fleet:group_lag_max_seconds" && fact.name != "fleet:group_lag_max_messages") continue;
    std::string labels;
    for (const auto& [label, value] : fact.labels) labels += fmt::format(" {}={}", label, value);
    said.insert(fmt::format("{}{} {}", fact.name.substr(6), labels, fact.value));
  }
  EXPECT_THAT(said, ElementsAre("group_lag_max_messages cluster=c consumergroup=quick 121200",
                                "group_lag_max_messages cluster=c consumergroup=quick topic=urgent 200",
                                "group_lag_max_seconds cluster=c consumergroup=quick 60",
                                "group_lag_max_seconds cluster=c consumergroup=quick topic=urgent 10"));
  EXPECT_THAT(rendered(text, {"prometheus"}).notes,
              ElementsAre(HasSubstr("service level l: nothing watches its produce_p99")));
}

TEST(Prometheus, ProofsOfFactsHoldInAnyOrderOfAddition) {
  const std::string proof = facts_proof({{"fleet:topic_messages_per_second_max", {}, 0.1},
                                         {"fleet:topic_messages_per_second_max", {}, 0.7},
                                         {"fleet:topic_messages_per_second_max", {}, 21.3}},
                                        "r");
  EXPECT_THAT(proof, HasSubstr("abs(sum(fleet:topic_messages_per_second_max) / 22.1 - 1) < bool 1e-9"))
      << "not compared exactly";
  EXPECT_THAT(
      proof,
      HasSubstr("abs(sum(fleet:mirror_info) / 1 - 1) < bool 1e-9\n        eval_time: \"1m\"\n        exp_samples: []"))
      << "none is there";
}

// What is promised of a cluster is measured where it is probed, and else that is told.
TEST(Prometheus, AvailabilityIsMeasuredByProbes) {
  const auto with = [](const std::string& keys) {
    return parsed("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c" + keys +
                  "}]\nservice_levels: [{name: all, availability: 99.5}, {name: c, cluster: c, availability: 99.9}]\n");
  };
  std::map<std::string, double> said;
  for (const Fact& fact : facts_of(with(", watch: {probe: p}"), 0)) said[std::string(fact.name)] = fact.value;
  EXPECT_EQ(said["fleet:cluster_probed"], 1);
  EXPECT_NEAR(said["fleet:cluster_unavailability_max"], 0.001, 1e-9);  // of the stricter one
  for (const Fact& fact : facts_of(with(""), 0)) {
    EXPECT_NE(fact.name, "fleet:cluster_probed");
    EXPECT_NE(fact.name, "fleet:cluster_unavailability_max");
  }
  const auto notes = [&](const std::string& keys) { return render(with(keys), kSource, {"prometheus"})->notes; };
  EXPECT_THAT(notes(""), ElementsAre(HasSubstr("level all: nothing measures its availability"), HasSubstr("level c:")));
  EXPECT_THAT(notes(", watch: {probe: p}"), ElementsAre());
}

TEST(Prometheus, GroupsHaveTheirOwnersAndTheStrictestPromise) {
  const Topology topology = parsed(
      "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, owner: platform}]\n"
      "topics: [{name: t, messages_per_second: 100, peak_factor: 3}]\n"
      "services:\n"
      "  - {name: bill, owner: shop, consumes: [{topics: [t]}]}\n"
      "  - {name: mail, consumes: [{topics: [t], group: mails}]}\n"
      "service_levels: [{name: all, lag_max: 60s}, {name: bills, group: bill, lag_max: 20s}]\n");
  std::set<std::string> said;
  for (const Fact& fact : facts_of(topology, 0)) {
    if (!fact.name.starts_with("fleet:group_")) continue;
    std::string text(fact.name);
    for (const auto& [label, value] : fact.labels) text += fmt::format(" {}={}", label, value);
    said.insert(fmt::format("{} {}", text, fact.value));
  }
  EXPECT_THAT(said, ElementsAre("fleet:group_info cluster=c consumergroup=bill owner=shop 1",
                                "fleet:group_info cluster=c consumergroup=mails owner=platform 1",
                                "fleet:group_lag_max_messages cluster=c consumergroup=bill 6000",
                                "fleet:group_lag_max_messages cluster=c consumergroup=mails 18000",
                                "fleet:group_lag_max_seconds cluster=c consumergroup=bill 20",
                                "fleet:group_lag_max_seconds cluster=c consumergroup=mails 60"));
}

}  // namespace
}  // namespace freshet::fleet
