#include "action/rules.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace freshet::action
