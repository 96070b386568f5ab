#include "ingest/overflow/crowd.h"

#include <gtest/gtest.h>

#include <memory>

#include "testing/clock.h"

namespace freshet::ingest {
namespace {

class CrowdTest : public ::testing::Test {
 protected:
  Crowd& crowd() {
    if (!made_) {
      options.clock = &clock;
      made_ = std::make_unique<Crowd>(options);
    }
    return *made_;
  }
  // Whether they go straight in.
  bool send(const std::string& tenant, size_t records, LaneKind kind = LaneKind::kLive) {
    if (!crowd().comes(tenant, kind, records)) return false;
    crowd().went(records);
    return true;
  }

  env::FakeClock clock;
  CrowdOptions options{.tenants = 3, .records = 1'000};

 private:
  std::unique_ptr<Crowd> made_;
};

TEST_F(CrowdTest, WhileThereIsLittleToDoEverybodyGoesStraightIn) {
  crowd().observe(0);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(send("loud", 100));
  EXPECT_TRUE(crowd().wants_observation());
}

TEST_F(CrowdTest, TheLoudOneWaitsAndTheQuietOneDoesNot) {
  crowd().observe(0);
  int taken = 0;
  for (int i = 0; i < 100; ++i) {
    clock.now += 1'000;
    taken += send("loud", 100) ? 1 : 0;
    if (i % 10 == 0) {
      EXPECT_TRUE(send("quiet", 10)) << i;
    }
  }
  EXPECT_GE(taken, 10);
  EXPECT_LE(taken, 15) << "a thousand records may wait";
}

TEST_F(CrowdTest, OfTwoLoudOnesNobodyGetsAll) {
  crowd().observe(0);
  std::map<std::string, int> taken;
  for (int i = 0; i < 20'000; ++i) {
    clock.now += 1'000;
    for (const char* tenant : {"a", "b"}) taken[tenant] += send(tenant, 10) ? 1 : 0;
    // The stages behind do five records in a millisecond: a quarter of what comes.
    if (i % 10 == 0) crowd().observe(i / 10 % 2 == 0 ? 1'000 : 950);
  }
  EXPECT_NEAR(static_cast<double>(taken["a"]) / (taken["a"] + taken["b"]), 0.5, 0.2);
}

TEST_F(CrowdTest, ATenantAloneIsNoCrowd) {
  options.tenants = 1;
  crowd().observe(1'000'000);
  EXPECT_TRUE(send("only", 100));
}

TEST_F(CrowdTest, WhatIsOldGoesStraightInOnlyWhileThereIsNextToNothingToDo) {
  options.tenants = 1;
  crowd().observe(249);
  EXPECT_TRUE(send("a", 1, LaneKind::kBackfill));
  EXPECT_TRUE(send("a", 1, LaneKind::kBackfill));
  EXPECT_FALSE(send("a", 1, LaneKind::kBackfill));
  EXPECT_TRUE(send("a", 1));
  crowd().observe(400);
  EXPECT_EQ(crowd().room(), 600u);
}

TEST_F(CrowdTest, WhoDoesMoreMayHaveMoreToDo) {
  crowd().observe(0);
  for (int i = 0; i < 12'000; ++i) {
    clock.now += 1'000;
    crowd().went(100);
    crowd().observe(0);
  }
  EXPECT_NEAR(static_cast<double>(crowd().room()), 6'000, 100) << "what is done in 60 ms";
}

TEST_F(CrowdTest, UntilSomebodyLooksThereIsRoom) {
  EXPECT_TRUE(send("a", 1'000'000));
  EXPECT_GT(crowd().room(), 1'000'000'000u);
}

}  // namespace
}  // namespace freshet::ingest
