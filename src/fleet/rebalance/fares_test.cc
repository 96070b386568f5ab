#include "fleet/rebalance/fares.h"

#include <gtest/gtest.h>

namespace freshet::fleet::rebalance {
namespace {

Look look_of(env::TimeUs at_us, int64_t end, int64_t committed) {
  Look look;
  look.at_us = at_us;
  look.topics = {{"orders", {{0, end, 100, 1, 3, 3}, {0, end, 100, 1, 3, 3}}}, {"idle", {{0, 50, 10, 1, 3, 2}}}};
  GroupLook group;
  group.name = "billing";
  group.has_members = true;
  group.committed = {{0, 0, committed}, {0, 1, committed}, {1, 0, 7}};
  look.groups = {group};
  return look;
}

TEST(Fares, LagIsSaidInWhatComesInMeanwhile) {
  const Look before = look_of(0, 1000, 900);
  Look now = look_of(10'000'000, 2000, 1500);
  EXPECT_DOUBLE_EQ(lag_s(before, now), 5);  // 2 · 500 wait, 2 · 100 a second come in
  // The marker of a transaction is no message.
  EXPECT_DOUBLE_EQ(lag_s(before, look_of(10'000'000, 2000, 1999)), 0);
  // Into `idle` nothing comes, so nobody falls behind in it; nor does a group that nobody is in.
  now.groups[0].has_members = false;
  EXPECT_DOUBLE_EQ(lag_s(before, now), 0);
  EXPECT_DOUBLE_EQ(lag_s(before, before), 0);
}

TEST(Fares, WhatMovesIsNotInSyncAndNoSign) {
  const Look look = look_of(0, 1000, 900);
  EXPECT_EQ(under_replicated(look, {}), 1u);
  EXPECT_EQ(under_replicated(look, {{"idle", 0, {4}, {1}, -1, ""}}), 0u);
  EXPECT_EQ(under_replicated(look, {{"idle", 1, {4}, {1}, -1, ""}}), 1u);
}

}  // namespace
}  // namespace freshet::fleet::rebalance
