// Topics, brokers and volumes of one rendering against those of the next.
#include "fleet/render/losses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "fleet/render/documents.h"
#include "fleet/render/targets.h"
#include "fleet/topology_yaml.h"

namespace freshet::fleet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kTopicsPath = "strimzi/v1/c/topics.yaml";

// "" if there is no such file.
std::string file_at(const std::string& path, const std::string& cluster, const std::string& topics = "{name: t}") {
  yaml::Problems problems("f.yaml");
  const auto fleet = parse_topology("fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, " +
                                        cluster + "}]\ntopics: [" + topics + "]\n",
                                    problems);
  EXPECT_EQ(problems.text(), "");
  if (!fleet) return "";
  const auto out = render(*fleet, {"f.yaml", "0"}, {});
  EXPECT_TRUE(out);
  EXPECT_TRUE(may_lose(path));
  for (const File& file : out->files)
    if (file.path == path) return file.bytes;
  return "";
}

std::string topics_file(const std::string& topics) { return file_at(kTopicsPath, "platform: strimzi", topics); }

std::vector<std::string> topic_losses(const std::string& was, const std::string& is) {
  return losses(kTopicsPath, was, is);
}

TEST(Losses, AreTopicsPartitionsAndRetention) {
  const std::string was = topics_file("{name: keep, partitions: 12, retention: 30d}, {name: ledger, retention: 0}");
  EXPECT_THAT(
      topic_losses(was, topics_file("{name: keep, retention: 1h}")),
      ElementsAre(HasSubstr("topic c/keep has 6 partitions instead of 12"),
                  HasSubstr("topic c/keep has a retention of 1h instead of 30d"), HasSubstr("topic c/ledger is gone")));
  EXPECT_THAT(
      topic_losses(was, topics_file("{name: keep, partitions: 13, retention: 0}, {name: ledger, retention: 1d}")),
      ElementsAre(HasSubstr("topic c/ledger has a retention of 1d instead of no end")));
  EXPECT_THAT(topic_losses(was, was), IsEmpty());
  EXPECT_EQ(topic_losses(was, "").size(), 2U) << "the cluster is gone";
  EXPECT_THAT(topic_losses("", was), IsEmpty());
}

TEST(Losses, AreBytesAndKeys) {
  const std::string was = topics_file("{name: state, cleanup: compact}, {name: log, retention_bytes: 2GiB}");
  EXPECT_THAT(topic_losses(was, topics_file("{name: state}, {name: log, retention_bytes: 1GiB}")),
              ElementsAre(HasSubstr("retention_bytes of 1GiB instead of 2GiB"), HasSubstr("no longer compacted only")));
  EXPECT_THAT(topic_losses(was, topics_file("{name: state, cleanup: compact, retention: 1s}, {name: log}")), IsEmpty())
      << "retention is not looked at where a topic is compacted only";
}

TEST(Losses, AreAllMessagesOfAKeyButTheLast) {
  const std::string was = topics_file("{name: audit, retention: 0}");
  for (const char* cleanup : {"compact", "compact_delete"}) {
    const std::string is = topics_file(std::string("{name: audit, retention: 0, cleanup: ") + cleanup + "}");
    EXPECT_THAT(topic_losses(was, is), ElementsAre(HasSubstr("topic c/audit is compacted now"))) << cleanup;
    EXPECT_THAT(topic_losses(is, is), IsEmpty()) << cleanup;
  }
}

TEST(Losses, AreReplicasThatNobodyTakesAway) {
  const std::string was = topics_file("{name: t, description: \"all of it ---\"}, {name: u}");
  EXPECT_THAT(topic_losses(was, topics_file("{name: t, replication: 2}, {name: u}")),
              ElementsAre(HasSubstr("topic c/t has 2 replicas instead of 3")));
}

TEST(Losses, AreMachinesAndTheirVolumes) {
  const auto file = [](const std::string& keys) { return file_at("terraform/r/c/terragrunt.hcl", keys); };
  const auto lost = [&](const std::string& was, const std::string& is) {
    return losses("terraform/r/c/terragrunt.hcl", was, is);
  };
  const std::string was = file("brokers: 6, controllers: 5, volumes: {count: 2, size: 500GiB}");
  EXPECT_THAT(lost(was, file("brokers: 4, controllers: 3, volumes: {size: 100GiB}")),
              ElementsAre(AllOf(HasSubstr("cluster c: brokers 5, 6 are taken out"), HasSubstr("--drain 5,6`")),
                          HasSubstr("cluster c: controllers 9994, 9995 are taken out"),
                          HasSubstr("cluster c: brokers have 1 volume instead of 2"),
                          HasSubstr("cluster c: volumes of 100 GiB instead of 500 GiB: EBS makes none smaller")));
  EXPECT_THAT(lost(was, file("brokers: 6, controllers: 5, zones: [a, c], volumes: {count: 2, size: 500GiB}")),
              ElementsAre(HasSubstr("c-2, c-3, c-4, c-5, c-controller-2")));
  EXPECT_THAT(lost(was, file("brokers: 9, controllers: 5, volumes: {count: 2, size: 500GiB}, instance: m6g.large")),
              IsEmpty());
  EXPECT_THAT(lost(was, file("brokers: 6, controllers: 5, volumes: {count: 3, size: 600GiB}")),
              ElementsAre(HasSubstr("cluster c: brokers have 3 volumes instead of 2: machines that run mount none"),
                          HasSubstr("cluster c: volumes of 600 GiB instead of 500 GiB: file systems stay")));
  EXPECT_THAT(lost(was, ""), ElementsAre(HasSubstr("cluster c is gone: its 11 machines")));
  EXPECT_THAT(lost("", was), IsEmpty());
  EXPECT_THAT(lost("}\n{\n= =\nhosts = {\n", was), IsEmpty()) << "somebody wrote something else";
}

TEST(Losses, ArePodsAndTheirVolumes) {
  const auto file = [](const std::string& keys) {
    return file_at("strimzi/v1/c/kafka.yaml", "platform: strimzi, " + keys);
  };
  const auto lost = [&](const std::string& was, const std::string& is) {
    return losses("strimzi/v1/c/kafka.yaml", was, is);
  };
  const std::string was = file("brokers: 6, volumes: {count: 2, size: 500GiB}");
  EXPECT_THAT(
      lost(was, file("brokers: 5, controllers: 0, volumes: {size: 100GiB}")),
      ElementsAre(HasSubstr("cluster c: 5 brokers instead of 6"), HasSubstr("cluster c: 0 controllers instead of 3"),
                  HasSubstr("cluster c: brokers have 1 volume instead of 2"),
                  HasSubstr("volumes of 100 GiB instead of 500 GiB: Strimzi's operator makes none smaller")));
  EXPECT_THAT(lost(was, file("brokers: 9, volumes: {count: 3, size: 500GiB}")), IsEmpty());
  EXPECT_THAT(lost(was, ""), ElementsAre(HasSubstr("cluster c is gone")));
  EXPECT_THAT(lost("", was), IsEmpty());
  EXPECT_FALSE(may_lose("strimzi/v1beta2/c/kafka.yaml")) << "would be told twice";
}

// Of one name in another namespace there is another cluster.
TEST(Losses, AreClustersThatClientsReachNoMore) {
  const std::string path = "strimzi/v1/c/kafka.yaml";
  const auto file = [&](const std::string& keys) { return file_at(path, "platform: strimzi, " + keys); };
  const std::string was = file("brokers: 6, kafka_version: 4.1.0, namespace: kafka");
  EXPECT_THAT(
      losses(path, was, file("brokers: 3, namespace: other")),
      testing::Contains(HasSubstr("cluster c is in namespace other instead of kafka: that is another cluster")));
  EXPECT_THAT(losses(path, was, file("brokers: 6, kafka_version: 4.0.1")),
              ElementsAre(HasSubstr("cluster c: Kafka 4.0.1 instead of 4.1.0: it does not start")));
  EXPECT_THAT(losses(path, was, file("brokers: 6, kafka_version: 4.2.0")), IsEmpty());
  const std::string guarded = file("brokers: 6, security: {transport: tls, authentication: scram_sha_512}");
  EXPECT_THAT(losses(path, guarded, was),
              ElementsAre(HasSubstr("cluster c: connections are plaintext instead of tls, scram-sha-512")));
  EXPECT_THAT(losses(path, guarded, guarded), IsEmpty());
  const std::string hosts = "ansible/c/hosts.yml";
  const std::string inventory = file_at(hosts, "security: {transport: tls, authentication: certificates}");
  EXPECT_THAT(losses(hosts, inventory, file_at(hosts, "kafka_version: 3.8.1")),
              ElementsAre(HasSubstr("connections are plaintext instead of tls, certificates"),
                          HasSubstr("Confluent Platform 7.8.0 instead of 7.9.0")));
  EXPECT_THAT(losses(hosts, inventory, inventory), IsEmpty());
  EXPECT_THAT(losses(hosts, "all: 3\n", inventory), IsEmpty()) << "somebody wrote something else";
}

TEST(Losses, AreUsersAndTheirCredentials) {
  const std::string path = "strimzi/v1/c/users.yaml";
  const auto file = [&](const std::string& users) {
    return file_at(path, "platform: strimzi, security: {transport: tls, authentication: scram_sha_512}",
                   "{name: t}]\nusers: [" + users);
  };
  const std::string was = file("{name: a, cluster: c}, {name: b, cluster: c}, {name: d, cluster: c}");
  EXPECT_THAT(losses(path, was, file("{name: b, cluster: c}, {name: e, cluster: c}")),
              ElementsAre(HasSubstr("cluster c: users a, d are gone: what makes resources of users deletes")));
  EXPECT_THAT(losses(path, was, was), IsEmpty());
  EXPECT_THAT(losses(path, was, file("{name: a, cluster: c}, {name: b, cluster: c}")),
              ElementsAre(HasSubstr("cluster c: user d is gone")));
  EXPECT_THAT(losses(path, was, ""), ElementsAre(HasSubstr("users a, b, d are gone")));
}

TEST(Losses, AreTiersThatKafkaDoesNotGiveUp) {
  const std::string was = topics_file("{name: t, retention: 7d, local_retention: 1h}");
  EXPECT_THAT(topic_losses(was, topics_file("{name: t, retention: 7d}")),
              ElementsAre(HasSubstr("topic c/t is no longer tiered: Kafka refuses that")));
  EXPECT_THAT(topic_losses(was, was), IsEmpty());
}

TEST(Losses, AreUnitsThatRunOn) {
  const std::string path = "mirrors/m/playbook.yml";
  const auto playbook = [&](const std::string& others) {
    yaml::Problems problems("f.yaml");
    const auto fleet = parse_topology(
        "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: x}, {name: y}]\ntopics: [{name: t, "
        "cluster: x}, {name: u, cluster: x}]\nmirrors: [" +
            others + "{name: m, kind: freshet, from: x, to: y, topics: [t]}]\n",
        problems);
    EXPECT_EQ(problems.text(), "");
    const auto out = render(*fleet, {"f.yaml", "0"}, {"mirrors"});
    const auto found = std::ranges::find(out->files, path, &File::path);
    return found == out->files.end() ? std::string() : found->bytes;
  };
  const std::string was = playbook("");
  EXPECT_THAT(losses(path, was, was), IsEmpty());
  EXPECT_THAT(losses(path, was, playbook("{name: n, kind: freshet, from: x, to: y, topics: [u]}, ")),
              ElementsAre(HasSubstr("mirror m has port 8091 instead of 8090: run its playbook")));
  EXPECT_THAT(losses(path, was, ""), ElementsAre(HasSubstr("mirror m is gone: its units on the brokers run on")));
  EXPECT_THAT(losses(path, "", was), IsEmpty());
}

TEST(Losses, DocumentsEndWithALineOfDashes) {
  EXPECT_EQ(documents_in("---\na: 1\n---\na: two---\nb: 3\n---\n[\n---\nc: 4\n").size(), 3U);
  EXPECT_TRUE(documents_in("").empty());
}

TEST(Losses, NothingIsReadFromWhatIsNoTopic) {
  for (const char* text :
       {"", "---\n", "a: 1\n", "---\n[1\n---\nspec: {topicName: t}\n", "---\nmetadata: 3\nspec: 4\n"})
    EXPECT_THAT(topic_losses(text, ""), IsEmpty()) << text;
}

}  // namespace
}  // namespace freshet::fleet
