// What lives against the file: compared, brought together in steps, and written as a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "fleet/live/carry_out.h"
#include "fleet/live/diff.h"
#include "fleet/live/import.h"
#include "fleet/render/targets.h"
#include "fleet/topic_settings.h"
#include "testing/clock.h"
#include "testing/model_admin.h"
#include "testing/planned_fleets.h"

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr int64_t kHourMs = 3'600'000;

const std::string kLiveBase =
    "fleet: f\n"
    "regions: [{name: r, zones: [a, b, c]}]\n"
    "clusters: [{name: one, connect: {cluster_id: ID}}]\n";

ClusterNow three_brokers() {
  ClusterNow now;
  now.id = "ID";
  now.brokers = {{1, "h1", 9092, "a"}, {2, "h2", 9092, "b"}, {3, "h3", 9092, "c"}};
  return now;
}

class Live : public testing::Test {
 protected:
  Live() : admin(three_brokers(), clock) {}
  // As the command does it.
  Changes plan(const std::string& topics, ChangeOptions options = {}) {
    wanted = wanted_of(parse_fleet(kLiveBase + topics), 0);
    ClusterNow now;
    auto changes = plan_on(admin, wanted, options, clock, now);
    EXPECT_TRUE(changes) << changes.error().message;
    return *changes;
  }
  Changes apply(const std::string& topics, ChangeOptions options = {}) {
    Changes changes = plan(topics, options);
    const Status done = carry_out(admin, changes.steps, clock, [](const Step&) {});
    EXPECT_TRUE(done) << done.error().message;
    return changes;
  }
  std::vector<std::string> differences() {
    std::vector<std::string> out;
    for (const Difference& difference : compare(wanted, *look(admin))) out.push_back(text_of(difference));
    return out;
  }

  env::FakeClock clock;
  ModelAdmin admin;
  ClusterWanted wanted;
};

TEST_F(Live, AMissingTopicIsMadeAsItIsRendered) {
  const Changes changes =
      apply("topics: [{name: t, partitions: 4, retention: 2h, settings: {segment.bytes: 1000000}}]\n");
  ASSERT_THAT(changes.steps, SizeIs(1));
  EXPECT_EQ(text_of(changes.steps[0]),
            "create topic t: 4 partitions, 3 replicas, cleanup.policy=delete max.message.bytes=1048576 "
            "min.insync.replicas=2 retention.ms=7200000 segment.bytes=1000000");
  EXPECT_THAT(changes.left, IsEmpty());
  EXPECT_THAT(differences(), IsEmpty());
  EXPECT_THAT(plan("topics: [{name: t, partitions: 4, retention: 2h, settings: {segment.bytes: 1000000}}]\n").steps,
              IsEmpty());
}

TEST_F(Live, PartitionsAndReplicasAreNeverTakenAway) {
  admin.now.topics["t"] = {8, 1, 2, {}, {}};
  const Changes changes = apply(
      "topics: [{name: t, partitions: 4, retention: 7d, min_isr: 1, replication: 2,\n"
      " message_bytes_max: 1048588}]\n");
  EXPECT_THAT(changes.steps, IsEmpty());
  EXPECT_THAT(changes.left, ElementsAre(HasSubstr("has 8 partitions, the file 4: Kafka can't take partitions away"),
                                        HasSubstr("`freshet fleet rebalance`")));
  EXPECT_THAT(differences(),
              ElementsAre("topic t: 8 partitions, the file has 4", "topic t: 1 to 2 replicas, the file has 2"));
}

TEST_F(Live, RetentionIsLoweredByHalfOfWhatIsKept) {
  const std::string file = "topics: [{name: t, retention: 10h, replication: 1, message_bytes_max: 1048588}]\n";
  TopicNow& topic = admin.now.topics["t"];
  topic = {6, 1, 1, {{"retention.ms", {"-1", true}}}, 100 * kHourMs};
  const Changes first = apply(file);
  ASSERT_THAT(first.steps, SizeIs(1));
  EXPECT_EQ(first.steps[0].settings[0].value, std::to_string(50 * kHourMs));
  EXPECT_THAT(first.steps[0].losses, ElementsAre(HasSubstr("from -1 to ")));
  EXPECT_THAT(first.left, ElementsAre(HasSubstr("is lowered in steps")));
  EXPECT_THAT(differences(), SizeIs(1));
  EXPECT_EQ(apply(file).steps[0].settings[0].value, std::to_string(25 * kHourMs));
  apply(file);
  EXPECT_THAT(apply(file).left, IsEmpty());
  EXPECT_THAT(differences(), IsEmpty());
  topic.settings["retention.ms"] = {"-1", true};
  EXPECT_THAT(apply(file, {.at_once = true}).left, IsEmpty());
  EXPECT_EQ(topic.settings["retention.ms"].value, std::to_string(10 * kHourMs));
}

TEST_F(Live, WhereNothingIsLostRetentionIsSetAtOnce) {
  const std::string file = "topics: [{name: t, retention: 10h, replication: 1, message_bytes_max: 1048588}]\n";
  for (const std::optional<int64_t> oldest : {std::optional<int64_t>(), std::optional<int64_t>(9 * kHourMs)}) {
    admin.now.topics["t"] = {6, 1, 1, {{"retention.ms", {"-1", true}}}, oldest};
    const Changes changes = apply(file);
    EXPECT_THAT(changes.left, IsEmpty());
    EXPECT_THAT(changes.steps.at(0).losses, IsEmpty());
    EXPECT_THAT(differences(), IsEmpty());
  }
}

TEST_F(Live, ABoundInBytesWhereThereWasNoneIsAskedFor) {
  admin.now.topics["t"] = {6, 1, 1, {}, {}};
  const std::string file =
      "topics: [{name: t, retention: 7d, replication: 1, message_bytes_max: 1048588, retention_bytes: 1GiB}]\n";
  EXPECT_THAT(apply(file).left, ElementsAre(HasSubstr("--at-once sets 1073741824")));
  EXPECT_THAT(apply(file, {.at_once = true}).left, IsEmpty());
  EXPECT_THAT(differences(), IsEmpty());
}

TEST_F(Live, WhatTheFileDoesNotSayIsToldAndLeft) {
  admin.now.topics["t"] = {6, 3, 3, {{"segment.bytes", {"7", true}}, {"min.insync.replicas", {"2", true}}}, {}};
  admin.now.topics["other"] = {1, 1, 1, {}, {}};
  const Changes changes = apply("topics: [{name: t, retention: 7d, message_bytes_max: 1048588}]\n");
  EXPECT_THAT(changes.steps, IsEmpty());
  EXPECT_THAT(differences(),
              ElementsAre("topic t: segment.bytes is 7, the file does not say it", "topic other: is not in the file"));
  EXPECT_TRUE(admin.now.topics.contains("other"));
}

// Kafka then deals replicas as if there were no zones, and whoever looks at brokers alone sees nothing wrong.
TEST_F(Live, BrokersWithoutARackAreTold) {
  const std::string file = "topics: [{name: t, partitions: 4, retention: 2h}]\n";
  apply(file);
  admin.now.brokers[0].rack.clear();
  admin.now.brokers[2].rack.clear();
  EXPECT_THAT(differences(), ElementsAre(HasSubstr("brokers without a rack: 1, 3; Kafka spreads replicas over zones")));
  EXPECT_FALSE(counts(Difference::Kind::kNoRack, false));
  admin.now.brokers.resize(1);
  EXPECT_THAT(differences(), ElementsAre(HasSubstr("1 brokers live"))) << "one has nothing to spread";
}

TEST_F(Live, AnotherClusterIsNotTouched) {
  admin.now.id = "OTHER";
  ClusterNow now;
  wanted = wanted_of(parse_fleet(kLiveBase + "topics: [{name: t}]\n"), 0);
  auto refused = plan_on(admin, wanted, {}, clock, now);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("its id is OTHER, the file has ID. Nothing was done"));
  wanted.id.clear();
  refused = plan_on(admin, wanted, {}, clock, now);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("write connect: {cluster_id: OTHER} into it"));
}

TEST_F(Live, WhatBrokersWouldRefuseIsToldBeforeAnythingIsDone) {
  admin.may_change = false;
  const Changes changes = plan("topics: [{name: t}, {name: u}]\n");
  EXPECT_THAT(refusals(admin, changes.steps), ElementsAre("create t: not authorized", "create u: not authorized"));
  EXPECT_THAT(admin.log, IsEmpty());
}

// ---- any file against any cluster -----------------------------------------------------------------------------------

std::string some_topics() {
  std::string out = "topics:\n";
  for (int i = 0; i < 6; ++i) {
    if (*rc::gen::inRange(0, 3) == 0) continue;
    out += "- {name: t" + std::to_string(i) + ", partitions: " + std::to_string(*rc::gen::inRange(1, 9)) +
           ", replication: " + std::to_string(*rc::gen::inRange(1, 4)) +
           ", retention: " + std::to_string(*rc::gen::inRange(0, 50)) + "h" +
           ", cleanup: " + std::string(*rc::gen::element("delete", "compact", "compact_delete")) +
           ", retention_bytes: " + std::to_string(*rc::gen::inRange(0, 3)) + "GiB}\n";
  }
  return out == "topics:\n" ? "" : out;
}

ClusterNow some_cluster() {
  ClusterNow now = three_brokers();
  for (int i = 0; i < 6; ++i) {
    if (*rc::gen::inRange(0, 3) == 0) continue;
    const auto least = static_cast<uint32_t>(*rc::gen::inRange(1, 4));
    TopicNow topic{static_cast<uint32_t>(*rc::gen::inRange(1, 9)), least, least, {}, {}};
    const auto maybe = [&](const char* name, const std::string& value) {
      if (*rc::gen::arbitrary<bool>()) topic.settings[name] = {value, true};
    };
    maybe("retention.ms", std::to_string(*rc::gen::element<int64_t>(-1, 1, 3 * kHourMs, 400 * kHourMs)));
    maybe("retention.bytes", *rc::gen::element<std::string>("-1", "1000000", "99999999999"));
    maybe("cleanup.policy", *rc::gen::element<std::string>("delete", "delete,compact", "compact"));
    maybe("segment.bytes", "4000000");
    maybe("min.insync.replicas", std::to_string(*rc::gen::inRange(1, 4)));
    if (*rc::gen::arbitrary<bool>()) topic.oldest_ms = *rc::gen::inRange<int64_t>(0, 500) * kHourMs;
    now.topics["t" + std::to_string(i)] = topic;
  }
  return now;
}

int64_t keeps(const ModelAdmin& admin, const std::string& topic) {
  const auto& settings = admin.now.topics.at(topic).settings;
  const auto found = settings.find("retention.ms");
  const int64_t ms = std::stoll(found == settings.end() ? admin.defaults.at("retention.ms") : found->second.value);
  const int64_t most = ms < 0 ? std::numeric_limits<int64_t>::max() : ms;
  return std::min(most, admin.now.topics.at(topic).oldest_ms.value_or(0));
}

// Runs that may be cut off after any step come to what the file says, less what no run does. Nothing is ever taken
// away, and no run deletes more than half of what a topic keeps.
RC_GTEST_PROP(LiveProperty, RunsComeToTheFileAndTakeNothingAway, ()) {
  env::FakeClock clock;
  ModelAdmin admin(some_cluster(), clock);
  const ClusterWanted wanted = wanted_of(parse_fleet(kLiveBase + some_topics()), 0);
  std::vector<std::string> left;
  for (int run = 0;; ++run) {
    RC_ASSERT(run < 60);
    const ClusterNow before = admin.now;
    std::map<std::string, int64_t> kept;
    for (const auto& [name, topic] : before.topics) kept[name] = keeps(admin, name);
    ClusterNow now;
    const auto changes = plan_on(admin, wanted, {}, clock, now);
    RC_ASSERT(changes.has_value());
    left = changes->left;
    if (changes->steps.empty()) break;
    RC_ASSERT(refusals(admin, changes->steps).empty());
    admin.changes_left = *rc::gen::inRange(0, 12);
    (void)carry_out(admin, changes->steps, clock, [](const Step&) {});
    for (const auto& [name, topic] : before.topics) {
      RC_ASSERT(admin.now.topics.contains(name));
      RC_ASSERT(admin.now.topics[name].partitions >= topic.partitions);
      RC_ASSERT(keeps(admin, name) * 2 >= kept[name]);
    }
  }
  for (const Difference& difference : compare(wanted, *look(admin))) {
    const bool stays = is_extra(difference.kind) || std::ranges::any_of(left, [&](const std::string& each) {
                         return each.starts_with("topic " + difference.topic + ": ");
                       });
    RC_ASSERT(stays);
  }
}

// ---- import ---------------------------------------------------------------------------------------------------------

// What is imported is read, and is what lives.
RC_GTEST_PROP(LiveProperty, AnImportedFileIsWhatLives, ()) {
  env::FakeClock clock;
  ModelAdmin admin(some_cluster(), clock);
  if (*rc::gen::arbitrary<bool>())
    for (cluster::Broker& broker : admin.now.brokers) broker.rack.clear();
  const ClusterNow now = *look(admin);
  std::vector<GroupSeen> groups;
  if (!now.topics.empty())
    groups = {{"Billing_EU", 2, {now.topics.begin()->first}}, {"billing.eu", 0, {now.topics.begin()->first}}};
  const Imported imported = import_fleet("f", {}, {{"one", "h1:9092", now, groups}});
  const Topology fleet = parse_fleet(imported.text);
  RC_ASSERT(fleet.clusters.size() == 1U);
  RC_ASSERT(fleet.consumers.size() == groups.size());
  const auto found = compare(wanted_of(fleet, 0), now);
  for (const Difference& difference : found) {
    RC_LOG() << text_of(difference) << "\n" << imported.text;
    // A bound that a file can't say is noted instead: -1 set on the topic itself.
    RC_ASSERT(difference.setting == "retention.bytes" && difference.living == "-1" && !imported.notes.empty());
  }
}

TEST(Import, SaysWhatManyShareOnceAndNoSecrets) {
  env::FakeClock clock;
  ModelAdmin admin(three_brokers(), clock);
  for (const char* name : {"a", "b", "c"})
    admin.now.topics[name] = {6, 3, 3, {{"retention.ms", {"3600000", true}}}, {}};
  admin.now.topics["c"].partitions = 12;
  admin.now.topics["c"].settings["segment.ms"] = {"600000", true};
  admin.now.brokers[0].rack = "eu-west-1a";
  admin.now.brokers[1].rack = "eu-west-1b";
  admin.now.brokers[2].rack = "eu-west-1c";
  const cluster::Properties properties = {
      {"security.protocol", "SASL_SSL"}, {"sasl.password", "hunter2"}, {"ssl.key.location", "/etc/k.pem"}};
  const Imported imported = import_fleet("f", properties, {{"one", "h1:9092", *look(admin), {}}});
  EXPECT_EQ(imported.text,
            "# Made by freshet fleet import from h1:9092.\n"
            "# Clusters do not tell what machines and disks they run on, how many messages come, how large they are,\n"
            "# who produces and who owns what: these have their defaults here until somebody fills them in.\n"
            "fleet: f\n"
            "defaults:\n"
            "  cluster:\n"
            "    connect:\n"
            "      properties:\n"
            "        security.protocol: SASL_SSL\n"
            "        sasl.password: \"${KAFKA_SASL_PASSWORD}\"\n"
            "        ssl.key.location: /etc/k.pem\n"
            "  topic:\n"
            "    partitions: 6\n"
            "    replication: 3\n"
            "    min_isr: 1\n"
            "    retention: 1h\n"
            "    retention_bytes: 0\n"
            "    cleanup: delete\n"
            "    message_bytes_max: 1048588\n"
            "regions:\n"
            "  - name: eu-west-1\n"
            "    zones:\n"
            "      - eu-west-1a\n"
            "      - eu-west-1b\n"
            "      - eu-west-1c\n"
            "clusters:\n"
            "  - name: one\n"
            "    region: eu-west-1\n"
            "    zones:\n"
            "      - eu-west-1a\n"
            "      - eu-west-1b\n"
            "      - eu-west-1c\n"
            "    brokers: 3\n"
            "    connect:\n"
            "      bootstrap: h1:9092\n"
            "      cluster_id: ID\n"
            "topics:\n"
            "  - name: a\n"
            "    cluster: one\n"
            "  - name: b\n"
            "    cluster: one\n"
            "  - name: c\n"
            "    cluster: one\n"
            "    partitions: 12\n"
            "    settings:\n"
            "      segment.ms: 600000\n");
}

TEST(Import, TellsOfTieredTopics) {
  env::FakeClock clock;
  ModelAdmin admin(three_brokers(), clock);
  admin.now.topics["a"] = {
      6, 3, 3, {{"remote.storage.enable", {"true", true}}, {"local.retention.ms", {"3600000", true}}}, {}};
  admin.now.topics["b"] = {
      6, 3, 3, {{"remote.storage.enable", {"true", true}}, {"local.retention.ms", {"-2", false}}}, {}};
  const Imported imported = import_fleet("f", {}, {{"one", "h1:9092", *look(admin), {}}});
  const Topology fleet = parse_fleet(imported.text);
  ASSERT_EQ(fleet.topics.size(), 2U);
  EXPECT_EQ(fleet.topics[0].local_retention_us, 3'600'000'000);
  EXPECT_EQ(fleet.topics[1].local_retention_us, 0);
  EXPECT_THAT(imported.notes, testing::ElementsAre(HasSubstr("topic one/b: it is tiered")));
}

TEST(TopicSettings, MeanTheSameOrNot) {
  EXPECT_TRUE(same_setting("cleanup.policy", "compact,delete", "delete,compact"));
  EXPECT_FALSE(same_setting("cleanup.policy", "compact", "delete,compact"));
  EXPECT_TRUE(same_setting("retention.ms", "-1", "9223372036854775807"));
  EXPECT_FALSE(same_setting("retention.ms", "-1", "86400000"));
  EXPECT_TRUE(same_setting("segment.bytes", "010", "10"));
  EXPECT_FALSE(same_setting("compression.type", "lz4", "zstd"));
  EXPECT_TRUE(same_setting("cleanup.policy", "compact, delete", "delete,compact"));
  EXPECT_TRUE(same_setting("preallocate", "TRUE", "true")) << "a broker says it in small letters";
  EXPECT_FALSE(same_setting("preallocate", "TRUE", "false"));
  EXPECT_TRUE(same_setting("min.cleanable.dirty.ratio", "0.10", "0.1"));
  EXPECT_FALSE(same_setting("min.cleanable.dirty.ratio", "0.10", "0.2"));
}

TEST(TopicSettings, AreRendered) {
  const Topology fleet = parse_fleet(
      "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters: [{name: c, platform: strimzi}]\n"
      "topics: [{name: t, retention: 0, settings: {segment.bytes: 1000000, compression.type: zstd}}]\n");
  const auto rendering = render(fleet, source_of("f.yaml", ""), {"strimzi"});
  ASSERT_TRUE(rendering) << rendering.error().message;
  const auto file = std::ranges::find(rendering->files, "strimzi/v1/c/topics.yaml", &File::path);
  ASSERT_NE(file, rendering->files.end());
  EXPECT_THAT(file->bytes, HasSubstr("  config:\n"
                                     "    cleanup.policy: delete\n"
                                     "    compression.type: zstd\n"
                                     "    max.message.bytes: 1048576\n"
                                     "    min.insync.replicas: 2\n"
                                     "    retention.ms: -1\n"
                                     "    segment.bytes: 1000000\n"));
}

TEST(TopicSettings, OfKeysOfTheFileAreRefusedAsFreeOnes) {
  yaml::Problems problems("f.yaml");
  EXPECT_FALSE(parse_topology(kLiveBase + "topics: [{name: t, settings: {retention.ms: 5}}]\n", problems));
  EXPECT_THAT(problems.text(), HasSubstr("f.yaml:4:"));
  EXPECT_THAT(problems.text(), HasSubstr("settings: retention.ms: is the topic's key retention here"));
}

}  // namespace
}  // namespace freshet::fleet
