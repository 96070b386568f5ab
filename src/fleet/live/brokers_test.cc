// Settings of brokers: what differs, what apply changes while they run, and what it leaves.
#include "fleet/live/brokers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

BrokersWanted wanted(std::vector<std::pair<std::string, std::string>> settings) {
  Cluster cluster;
  cluster.brokers = 3;
  cluster.settings = std::move(settings);
  return brokers_wanted(cluster);
}

// As render writes them, and these.
std::map<std::string, BrokerSettingNow> living(std::map<std::string, BrokerSettingNow> more) {
  std::map<std::string, BrokerSettingNow> out = {{"auto.create.topics.enable", {"false", SetOn::kFile, true}},
                                                 {"default.replication.factor", {"3", SetOn::kFile, true}},
                                                 {"min.insync.replicas", {"2", SetOn::kFile, false}},
                                                 {"unclean.leader.election.enable", {"false", SetOn::kFile, false}}};
  for (auto& [name, setting] : more) out[name] = setting;
  return out;
}

TEST(BrokerSettings, TheSameIsNoDifference) {
  EXPECT_THAT(
      compare(wanted({{"num.io.threads", "8"}}), {{1, living({{"num.io.threads", {"8", SetOn::kFile, false}}})}}),
      IsEmpty());
}

TEST(BrokerSettings, SecretsAreNotCompared) {
  const BrokersNow now = {{1, living({{"delegation.token.secret.key", {std::nullopt, SetOn::kFile, true, true}}})}};
  EXPECT_THAT(compare(wanted({{"delegation.token.secret.key", "hunter2"}}), now), IsEmpty());
}

TEST(BrokerSettings, WhatDiffersAlikeIsToldOnce) {
  const BrokersNow now = {
      {1, living({{"num.io.threads", {"8", SetOn::kFile, false}}, {"log.dirs", {"/d", SetOn::kFile, true}}})},
      {2, living({{"num.io.threads", {"8", SetOn::kFile, false}}})},
      {3, living({{"num.io.threads", {"12", SetOn::kOne, false}}})}};
  const auto found = compare(wanted({{"num.io.threads", "16"}}), now);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(text_of(found[0]), "brokers 1, 2: num.io.threads is 8, the file has 16: apply changes it while they run");
  EXPECT_THAT(found[1].brokers, ElementsAre(3));
}

TEST(BrokerSettings, WhatNobodySaidIsANote) {
  const BrokersNow now = {{1, living({{"auto.create.topics.enable", {"true", SetOn::kFile, true}},
                                      {"log.cleaner.threads", {"2", SetOn::kAll, false}},
                                      {"leader.replication.throttled.rate", {"1", SetOn::kOne, false}}})}};
  const auto found = compare(wanted({}), now);
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].kind, BrokerDifference::Kind::kRendered);
  EXPECT_THAT(text_of(found[0]), HasSubstr("is true, render writes false: render it, then `freshet fleet restart`"));
  EXPECT_EQ(found[1].kind, BrokerDifference::Kind::kExtra);
  EXPECT_THAT(text_of(found[1]), HasSubstr("log.cleaner.threads is 2, set while they ran"));
  EXPECT_THAT(plan_broker_changes(wanted({}), now).steps, IsEmpty());
}

TEST(BrokerSettings, ThreadsGoInSteps) {
  const BrokersNow now = {{1, living({{"num.io.threads", {"8", SetOn::kFile, false}}})}};
  const auto up = plan_broker_changes(wanted({{"num.io.threads", "64"}}), now);
  ASSERT_THAT(up.steps, SizeIs(1));
  EXPECT_EQ(up.steps[0].value, "16");
  EXPECT_EQ(up.steps[0].broker, std::nullopt);
  EXPECT_THAT(up.left.at(0), HasSubstr("goes to 16 now, not yet to 64"));
  EXPECT_EQ(plan_broker_changes(wanted({{"num.io.threads", "1"}}), now).steps.at(0).value, "4");
  EXPECT_THAT(plan_broker_changes(wanted({{"num.io.threads", "16"}}), now).left, IsEmpty());
}

TEST(BrokerSettings, ABrokerWithItsOwnIsChangedItself) {
  const BrokersNow now = {{1, living({{"log.cleaner.threads", {"1", SetOn::kFile, false}}})},
                          {2, living({{"log.cleaner.threads", {"1", SetOn::kOne, false}}})}};
  const auto plan = plan_broker_changes(wanted({{"log.cleaner.threads", "2"}}), now);
  ASSERT_THAT(plan.steps, SizeIs(2));
  EXPECT_EQ(plan.steps[0].broker, 2);
  EXPECT_EQ(plan.steps[1].broker, std::nullopt);
  BrokersNow then = now;
  then[1]["log.cleaner.threads"] = {"2", SetOn::kAll, false};
  EXPECT_TRUE(shows(then, plan.steps[1]));
  EXPECT_FALSE(shows(then, plan.steps[0]));
}

TEST(BrokerSettings, WhatIsLeftAndWhatIsLost) {
  const BrokersNow now = {{1, living({{"log.retention.ms", {"604800000", SetOn::kFile, false}},
                                      {"log.dir.count", {"1", SetOn::kFile, true}}})}};
  const auto plan = plan_broker_changes(
      wanted({{"log.retention.ms", "1000"}, {"log.dir.count", "2"}, {"no.such", "1"}, {"min.insync.replicas", "1"}}),
      now);
  ASSERT_THAT(plan.steps, SizeIs(1));
  EXPECT_EQ(plan.steps[0].setting, "min.insync.replicas");
  EXPECT_THAT(plan.steps[0].losses, SizeIs(1));
  EXPECT_THAT(plan.left, ElementsAre(HasSubstr("log.dir.count needs a restart"), HasSubstr("may delete what they keep"),
                                     HasSubstr("no.such needs a restart")));
}

}  // namespace
}  // namespace freshet::fleet
