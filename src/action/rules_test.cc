#include "action/rules.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "action/control.h"

namespace freshet::action {
namespace {

v1::Control rules_of(uint64_t revision, uint32_t logic_version, const char* tenant) {
  v1::Control control;
  control.set_revision(revision);
  control.set_logic_version(logic_version);
  control.add_tenants()->set_name(tenant);
  return control;
}

TEST(AdoptRules, TheHighestRevisionStands) {
  v1::PartitionMeta meta;
  EXPECT_TRUE(adopt_rules(meta, rules_of(2, 1, "two"), 1));
  EXPECT_FALSE(adopt_rules(meta, rules_of(1, 1, "one"), 2));
  EXPECT_FALSE(adopt_rules(meta, rules_of(2, 1, "again"), 3));
  EXPECT_EQ(meta.rules().tenants(0).name(), "two");
}

// An upgrade starts with the configuration as it is.
TEST(AdoptRules, TheSameRevisionByANewerLogicIsNewer) {
  v1::PartitionMeta meta;
  EXPECT_TRUE(adopt_rules(meta, rules_of(2, 1, "old"), 1));
  EXPECT_TRUE(adopt_rules(meta, rules_of(2, 2, "new"), 2));
  EXPECT_FALSE(adopt_rules(meta, rules_of(2, 1, "old"), 3)) << "of a process that is not upgraded yet";
  EXPECT_EQ(meta.rules().tenants(0).name(), "new");
  EXPECT_FALSE(adopt_rules(meta, rules_of(1, 2, "older"), 4));
}

// A change as a node publishes it; revision 3 is a file's, with what holds for all tenants.
v1::Control change_of(uint64_t revision) {
  v1::Control control;
  control.set_revision(revision);
  control.set_logic_version(kLogicVersion);
  control.set_changes_only(true);
  if (revision % 3 == 0) control.set_hash_key("0123456789abcdef");
  for (const uint64_t number : {revision % 4, 4 + revision % 3}) {
    v1::TenantRules& rules = *control.add_tenants();
    rules.set_name("t" + std::to_string(number));
    rules.add_enrich("by " + std::to_string(revision));
    v1::ComputedRule& rule = *rules.add_computed();
    rule.set_name("n");
    rule.set_event(revision % 2 == 0 ? "even" : "odd");
  }
  return control;
}

// Several nodes publish changes, and each partition gets them in an order of its own.
RC_GTEST_PROP(AdoptRulesProperty, PartitionsEndWithTheSameRulesInWhateverOrderChangesCome,
              (std::vector<uint8_t> revisions, uint32_t seed)) {
  v1::PartitionMeta one, other;
  EXPECT_TRUE(adopt_rules(one, rules_of(1, 2, "t9"), 1));  // of the logic before, as an upgrade finds it
  other = one;
  const auto adopt_all = [&](v1::PartitionMeta& meta) {
    auto live = Rules::compile(meta);
    for (const uint8_t revision : revisions) {
      const v1::Control control = change_of(2 + revision % 40);
      if (adopt_rules(meta, control, 5)) live->renew(meta, control);
    }
    // What was renewed step by step is what a restart makes of the row.
    const auto made = Rules::compile(meta);
    for (const v1::TenantRules& rules : meta.rules().tenants()) {
      RC_ASSERT(live->find(rules.name()) != nullptr);
      RC_ASSERT(live->find(rules.name())->revision == made->find(rules.name())->revision);
      RC_ASSERT(live->find(rules.name())->keeps_digits == made->find(rules.name())->keeps_digits);
      RC_ASSERT(live->find(rules.name())->rules.SerializeAsString() ==
                made->find(rules.name())->rules.SerializeAsString());
    }
  };
  adopt_all(one);
  std::mt19937 order(seed);
  std::shuffle(revisions.begin(), revisions.end(), order);
  adopt_all(other);
  // A tenant that had no revision of its own gets one with what holds for all; so it may be said or not.
  RC_ASSERT(one.rules().revision() == other.rules().revision());
  RC_ASSERT(one.rules().SerializeAsString() == other.rules().SerializeAsString());
}

TEST(AdoptRules, AChangeLeavesOtherTenantsAlone) {
  v1::PartitionMeta meta;
  EXPECT_TRUE(adopt_rules(meta, rules_of(2, 2, "t9"), 1));
  EXPECT_TRUE(adopt_rules(meta, change_of(7), 2));
  ASSERT_EQ(meta.rules().tenants_size(), 3);
  EXPECT_EQ(meta.rules().tenants(2).name(), "t9");
  EXPECT_EQ(meta.rules().revision(), 2u);
  EXPECT_FALSE(adopt_rules(meta, change_of(7), 3)) << "it is in force";
  const auto rules = Rules::compile(meta);
  EXPECT_EQ(rules->find("t9")->revision, 2u);
  EXPECT_EQ(rules->find("t3")->revision, 7u);
  EXPECT_EQ(rules->find("t3")->computed[0].since_us, 2);
  // The definition is the same two revisions later, so what it has counted goes on.
  EXPECT_TRUE(adopt_rules(meta, change_of(11), 9));
  EXPECT_EQ(Rules::compile(meta)->find("t3")->computed[0].since_us, 2);
  EXPECT_TRUE(adopt_rules(meta, rules_of(12, 3, "only"), 10)) << "of a version that says what there is";
  EXPECT_EQ(meta.rules().tenants_size(), 1);
}

}  // namespace
}  // namespace freshet::action
