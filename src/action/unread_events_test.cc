// Events that nobody reads by configuration: none are said, nothing else is another for it, and a change has its place
// in the order of each partition.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "testing/action/checks.h"
#include "testing/action/random_records.h"

namespace freshet::action::testing {
namespace {

model::Tenant read_or_not(bool unread) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.add_enrich("city");
  tenant.rules.set_events_unread(unread);
  return tenant;
}

TEST(UnreadEvents, AreSaidOnlyWhereBothRulesLeaveThem) {
  for (const bool if_read : {false, true}) {
    for (const bool unread : {false, true}) {
      TestCluster cluster(2, 1, read_or_not(unread));
      cluster.change_rules(read_or_not(unread), if_read);
      cluster.send(make_record("m1", {{"user_id", "u1"}}, 1, "E"));
      cluster.run();
      EXPECT_EQ(cluster.events().size(), if_read && unread ? 0u : 1u) << if_read << unread;
      EXPECT_EQ(messages_of(cluster), 1u);
    }
  }
}

// Of one tenant by itself, with what holds for all as it was: as a sink that comes by the API changes it.
TEST(UnreadEvents, AChangeOfOneTenantsRulesIsEnough) {
  v1::PartitionMeta meta;
  v1::Control base = control_record({read_or_not(true)}, 1, "0123456789abcdef", 1).control();
  base.set_revision(1);
  base.set_events_if_read(true);
  EXPECT_TRUE(adopt_rules(meta, base, 1));
  const auto rules = Rules::compile(meta);
  EXPECT_FALSE(rules->writes_events(*rules->find("t")));
  const v1::Control change = rules_record({read_or_not(false).rules}, 2, 1).control();
  EXPECT_TRUE(adopt_rules(meta, change, 2));
  rules->renew(meta, change);
  EXPECT_TRUE(rules->writes_events(*rules->find("t")));
  // As a restart finds it, and a release that did not know of it published it.
  EXPECT_TRUE(Rules::compile(meta)->writes_events(*rules->find("t")));
  meta.mutable_rules()->clear_events_if_read();
  EXPECT_TRUE(Rules::compile(meta)->writes_events(*rules->find("t")));
}

// Records in turns, each under rules of its own; partitions die at any step and replay.
RC_GTEST_PROP(UnreadEventsProperty, OnlyThoseOfReadTimesAreSaidOnceAndProfilesAreTheSame, (uint64_t seed)) {
  std::mt19937_64 rng(seed);
  const auto partitions = static_cast<uint32_t>(1 + seed % 5);
  TestCluster cluster(partitions, seed, read_or_not(false)), always(partitions, seed, read_or_not(false));
  size_t said = 0, k = 0;
  for (int turn = 0; turn < 5; ++turn) {
    const bool unread = rng() % 2 == 0;
    cluster.change_rules(read_or_not(unread), true);
    always.change_rules(read_or_not(unread), false);
    const size_t before = always.events().size();
    for (int i = 0; i < 6; ++i) {
      const v1::Envelope record = random_record(rng, static_cast<int>(++k), false);
      cluster.send(record);
      always.send(record);
    }
    cluster.run(0.1);
    always.run(0.1);
    if (!unread) said += always.events().size() - before;
    RC_ASSERT(cluster.events().size() == said);
  }
  RC_ASSERT(profiles(cluster) == profiles(always));
}

}  // namespace
}  // namespace freshet::action::testing
