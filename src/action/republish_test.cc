// A profile store that has lost everything gets everything again, once, whatever happens on the way.
#include "action/republish.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "action/control.h"
#include "model/home.h"
#include "state/entity_list.h"
#include "testing/action/checks.h"

namespace freshet::action {
namespace {

using testing::make_record;
using testing::TestCluster;

void send_people(TestCluster& cluster, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string name = std::to_string(i);
    v1::Envelope record = make_record("m" + name, {{"user_id", "u" + name}, {"email", "e" + name}}, 10 + i, "E");
    testing::set_attribute(record, "city", "c" + name);
    cluster.send(record);
  }
  cluster.send(testing::make_merge("merge", "u0", "u1", 5'000));
  cluster.send(testing::make_erase("erase", "user_id", "u2", 5'001));
}

void republish_all(TestCluster& cluster, uint64_t raise = 0) {
  for (uint32_t p = 0; p < cluster.partitions(); ++p) cluster.send_to(p, republish_record(9'000, raise));
}

void expect_same_but_newer(const std::map<std::string, v1::Document>& before,
                           const std::map<std::string, v1::Document>& after, uint64_t raise) {
  ASSERT_EQ(after.size(), before.size());
  for (auto [id, document] : before) {
    ASSERT_TRUE(after.contains(id)) << id;
    EXPECT_EQ(after.at(id).version(), document.version() + 1 + raise);
    document.set_version(after.at(id).version());
    EXPECT_EQ(after.at(id).SerializeAsString(), document.SerializeAsString());
  }
}

TEST(Republish, SaysEveryProfileOnceAndNobodyElse) {
  TestCluster cluster(2, 7);
  send_people(cluster, 900);  // more than a step of a partition
  cluster.run();
  const auto before = cluster.documents();
  ASSERT_GT(before.size(), 890u);
  for (const uint64_t raise : {0u, 1u << 20}) {
    const auto was = cluster.documents();
    cluster.forget_documents();
    republish_all(cluster, raise);
    cluster.run();
    expect_same_but_newer(was, cluster.documents(), raise);
  }
  EXPECT_TRUE(cluster.dead_letters().empty());
}

// Whoever wants to know the profiles of one tenant costs no other tenant a version.
TEST(Republish, SaysThoseOfOneTenant) {
  TestCluster cluster(2, 7);
  send_people(cluster, 40);
  cluster.run();
  const auto before = cluster.documents();
  cluster.forget_documents();
  const std::string tenant = make_record("m", {{"user_id", "u"}}, 1, "E").tenant();
  for (const std::string& asked : {std::string("somebody else"), tenant}) {
    EXPECT_TRUE(cluster.documents().empty());
    for (uint32_t p = 0; p < cluster.partitions(); ++p) cluster.send_to(p, republish_record(9'000, 0, asked));
    cluster.run();
  }
  expect_same_but_newer(before, cluster.documents(), 0);
}

// Whose change a store has refused can be said whole once the store takes it.
TEST(Republish, SaysOneAlone) {
  TestCluster cluster(2, 7);
  send_people(cluster, 40);
  cluster.run();
  const v1::EntityState one = testing::live(cluster).at(3);
  const Hash128 id = model::from_proto(one.ref()).id;
  cluster.forget_documents();
  for (const char* const tenant : {"somebody else", "t"}) {
    EXPECT_TRUE(cluster.documents().empty());
    cluster.send_to(model::partition_of(id, 2), republish_one_record(9'000, tenant, std::string(id.view())));
    cluster.run();
  }
  ASSERT_EQ(cluster.documents().size(), 1u);
  EXPECT_EQ(cluster.documents().begin()->second.version(), one.version() + 1);
}

// What can't have been asked for changes no version: one that is too high is one that no store takes.
TEST(Republish, WhatCantBeAskedForIsRefused) {
  TestCluster cluster(1, 7);
  send_people(cluster, 5);
  cluster.run();
  cluster.forget_documents();
  cluster.send_to(0, republish_record(9'000, uint64_t{1} << 62));
  cluster.send_to(0, republish_one_record(9'000, "t", "short"));
  v1::Envelope record = republish_record(9'000, 0);
  record.mutable_control()->mutable_republish()->set_after("short");
  cluster.send_to(0, record);
  cluster.run();
  EXPECT_EQ(cluster.dead_letters().size(), 3u);
  EXPECT_TRUE(cluster.documents().empty());
}

// Who has lost changes may have lost that a profile was merged away or erased.
TEST(Republish, SaysWhoIsGoneToWhoAsks) {
  TestCluster cluster(2, 7);
  send_people(cluster, 40);
  cluster.run();
  const auto living = cluster.documents();
  for (const bool gone_too : {false, true}) {
    cluster.forget_documents();
    for (uint32_t p = 0; p < cluster.partitions(); ++p) cluster.send_to(p, republish_record(9'000, 0, {}, gone_too));
    cluster.run();
    size_t alive = 0, removed = 0;
    for (const auto& [id, document] : cluster.all_documents()) {
      ++(document.removed() ? removed : alive);
      EXPECT_NE(document.removed(), living.contains(id)) << id;
    }
    EXPECT_EQ(alive, living.size());
    EXPECT_EQ(removed, gone_too ? 2u : 0u);
  }
  EXPECT_TRUE(cluster.dead_letters().empty());
}

RC_GTEST_PROP(Republish, CrashesAndOtherRecordsChangeNothing, ()) {
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  TestCluster calm(3, seed), rough(3, seed);
  for (TestCluster* cluster : {&calm, &rough}) {
    send_people(*cluster, 40);
    cluster->run();
    cluster->forget_documents();
    republish_all(*cluster);
    cluster->send(make_record("late", {{"user_id", "u3"}}, 6'000, "E"));
    cluster->run(cluster == &rough ? 0.3 : 0.0);
  }
  RC_ASSERT(calm.documents().size() == rough.documents().size());
  for (const auto& [id, document] : calm.documents())
    RC_ASSERT(rough.documents().at(id).fields_size() == document.fields_size());
}

}  // namespace
}  // namespace freshet::action
