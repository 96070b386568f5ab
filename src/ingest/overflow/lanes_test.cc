#include "ingest/overflow/lanes.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "testing/clock.h"

namespace freshet::ingest {
namespace {

model::Tenant rated_tenant(const std::string& name, uint64_t per_second, uint64_t burst) {
  model::Tenant tenant = model::default_tenant(name);
  tenant.rate = {per_second, burst};
  return tenant;
}

class LanesTest : public ::testing::Test {
 protected:
  Lanes& lanes() {
    if (!made) {
      options.clock = &clock;
      made = std::make_unique<Lanes>(options);
    }
    return *made;
  }
  // Whether a request of so many records goes straight in; if not, its records are durable in overflow at once.
  bool straight(const model::Tenant& tenant, size_t records, LaneKind kind = LaneKind::kLive) {
    if (!lanes().enter(tenant, kind, records)) return true;
    lanes().entered({tenant.name, kind}, records, records * 100);
    lanes().left({tenant.name, kind}, true, records, records * 100);
    return false;
  }
  void move_all() {
    for (const Lanes::Open& open : lanes().quiet()) lanes().close(open);
  }

  env::FakeClock clock;
  LanesOptions options;
  std::unique_ptr<Lanes> made;
};

TEST_F(LanesTest, WithoutARateEverythingGoesStraightIn) {
  EXPECT_TRUE(straight(model::default_tenant("a"), 1'000'000));
  EXPECT_FALSE(lanes().any_open());
}

TEST(LaneKind, TimesAtTheEndsOf64Bits) {
  v1::Envelope envelope;
  envelope.set_kind(v1::Envelope::TRACK);
  envelope.set_received_at_us(std::numeric_limits<int64_t>::max());
  envelope.set_time_us(std::numeric_limits<int64_t>::min());
  EXPECT_EQ(lane_kind_of(envelope), LaneKind::kBackfill);
}

TEST_F(LanesTest, WhatIsOverTheRateQueuesAndSoDoesAllThatComesLater) {
  const model::Tenant tenant = rated_tenant("a", 10, 20);
  lanes().own({0});
  EXPECT_TRUE(straight(tenant, 15));
  EXPECT_FALSE(straight(tenant, 10)) << "only 5 are left of the burst";
  clock.now += 60'000'000;
  EXPECT_FALSE(straight(tenant, 1)) << "something of it waits";
  move_all();
  EXPECT_TRUE(straight(tenant, 20));
  EXPECT_TRUE(straight(rated_tenant("b", 10, 20), 20)) << "one tenant's lane is not another's";
}

TEST_F(LanesTest, ALaneStaysOpenWhileSomethingOfItIsUnderWayOrHasComeSince) {
  const model::Tenant tenant = rated_tenant("a", 10, 1);
  lanes().own({0});
  ASSERT_TRUE(lanes().enter(tenant, LaneKind::kLive, 5));
  EXPECT_TRUE(lanes().quiet().empty()) << "it is not answered yet";
  lanes().left({"a", LaneKind::kLive}, true, 0, 0);
  const auto quiet = lanes().quiet();
  ASSERT_EQ(quiet.size(), 1u);
  EXPECT_FALSE(straight(tenant, 5));
  lanes().close(quiet.front());
  EXPECT_TRUE(lanes().any_open()) << "more has entered since that was asked";
  move_all();
  EXPECT_FALSE(lanes().any_open());
}

TEST_F(LanesTest, ANodeHasTheShareOfARateThatItHasOfThePartitions) {
  options.partitions = 4;
  const model::Tenant tenant = rated_tenant("a", 100, 100);
  EXPECT_FALSE(straight(tenant, 1)) << "a node without partitions has no share";
  move_all();
  lanes().own({1});
  EXPECT_TRUE(straight(tenant, 25));
  EXPECT_FALSE(straight(tenant, 1));
  move_all();
  lanes().own({0, 1, 2, 3});
  clock.now += 500'000;
  EXPECT_EQ(lanes().available("a"), 50u);
}

TEST_F(LanesTest, AShareIsNeverTooSmallForOneRecord) {
  options.partitions = 64;
  const model::Tenant tenant = rated_tenant("a", 1, 1);
  lanes().own({3});
  EXPECT_TRUE(straight(tenant, 1));
  clock.now += 63'000'000;
  EXPECT_EQ(lanes().available("a"), 0u);
  clock.now += 1'100'000;
  EXPECT_EQ(lanes().available("a"), 1u);
}

TEST_F(LanesTest, WhatEntersGoesToAPartitionOfThisNode) {
  options.partitions = 8;
  lanes().own({5, 6});
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    const auto partition = lanes().enter(rated_tenant(name, 1, 1), LaneKind::kLive, 2);
    ASSERT_TRUE(partition);
    EXPECT_TRUE(*partition == 5 || *partition == 6);
  }
}

TEST_F(LanesTest, ALaneStaysWithItsPartitionUntilItIsEmpty) {
  options.partitions = 2;
  const model::Tenant tenant = rated_tenant("a", 1, 1);
  lanes().own({1});
  EXPECT_EQ(lanes().enter(tenant, LaneKind::kLive, 2), 1u);
  lanes().own({0});
  EXPECT_EQ(lanes().enter(tenant, LaneKind::kLive, 2), 1u);
}

TEST_F(LanesTest, ALaneIsFullByRecordsByBytesAndByTime) {
  const model::Tenant tenant = rated_tenant("a", 1, 1);
  options.records_max = 100;
  options.bytes_max = 5'000;
  lanes().own({0});
  EXPECT_FALSE(straight(tenant, 40));
  EXPECT_EQ(lanes().full_for_s(tenant, LaneKind::kLive), 0u);
  EXPECT_FALSE(straight(tenant, 10));
  EXPECT_GT(lanes().full_for_s(tenant, LaneKind::kLive), 0u) << "5,000 bytes";
  EXPECT_EQ(lanes().full_for_s(tenant, LaneKind::kBackfill), 0u) << "each lane has its own bound";
  lanes().moved({"a", LaneKind::kLive}, 10, 1'000);
  EXPECT_EQ(lanes().full_for_s(tenant, LaneKind::kLive), 0u);
  EXPECT_FALSE(straight(tenant, 70));
  lanes().moved({"a", LaneKind::kLive}, 0, 7'000);
  EXPECT_EQ(lanes().full_for_s(tenant, LaneKind::kLive), 11u) << "110 records, one a second goes on";
}

// What 429 comes at is what is told: by records, by bytes, and by what the rate moves in twelve hours.
TEST_F(LanesTest, TellsHowFullTheFullestLaneIs) {
  options.records_max = 1'000'000;
  options.bytes_max = 50'000'000;
  lanes().own({0});
  const auto told = [&](const char* tenant, LaneKind kind, uint64_t records) {
    lanes().show({{{tenant, kind}, {.records = records, .bytes = records * 100, .oldest_us = 0}}});
    return telemetry::gauge("freshet_overflow_full_ratio", "", {{"tenant", tenant}}).value();
  };
  const model::Tenant slow = rated_tenant("full-by-rate", 1, 1);
  EXPECT_FALSE(straight(slow, 21'600));
  EXPECT_DOUBLE_EQ(told("full-by-rate", LaneKind::kLive, 21'600), 0.5);
  EXPECT_FALSE(straight(slow, 21'600));
  EXPECT_DOUBLE_EQ(told("full-by-rate", LaneKind::kLive, 43'200), 1);
  EXPECT_GT(lanes().full_for_s(slow, LaneKind::kLive), 0u);
  const model::Tenant wide = rated_tenant("full-by-bytes", 100'000, 1);
  EXPECT_FALSE(straight(wide, 250'000, LaneKind::kBackfill));
  EXPECT_DOUBLE_EQ(told("full-by-bytes", LaneKind::kBackfill, 250'000), 0.5) << "25 of 50 MB";
  move_all();
  EXPECT_DOUBLE_EQ(told("full-by-bytes", LaneKind::kBackfill, 0), 0);
}

TEST_F(LanesTest, NothingWaitsForLongerThanTwelveHoursOfItsRate) {
  const model::Tenant tenant = rated_tenant("a", 1, 1);
  lanes().own({0});
  EXPECT_FALSE(straight(tenant, 43'199));
  EXPECT_EQ(lanes().full_for_s(tenant, LaneKind::kLive), 0u);
  EXPECT_FALSE(straight(tenant, 1));
  EXPECT_GT(lanes().full_for_s(tenant, LaneKind::kLive), 0u);
}

TEST_F(LanesTest, WhatWasThereBeforeGoesFirst) {
  options.left_over = true;
  const model::Tenant tenant = model::default_tenant("a");
  EXPECT_FALSE(straight(tenant, 1)) << "nobody knows yet whose it is";
  EXPECT_FALSE(lanes().is_settled()) << "that nothing waits is not known either";
  move_all();
  lanes().found({"b", LaneKind::kLive}, 0, 7, 700);
  lanes().settle();
  EXPECT_TRUE(lanes().is_settled());
  EXPECT_TRUE(straight(tenant, 1));
  EXPECT_FALSE(straight(model::default_tenant("b"), 1));
}

TEST_F(LanesTest, AFailedAppendIsCountedNoMore) {
  const model::Tenant tenant = rated_tenant("a", 1, 1);
  options.records_max = 5;
  lanes().own({0});
  ASSERT_TRUE(lanes().enter(tenant, LaneKind::kLive, 5));
  lanes().entered({"a", LaneKind::kLive}, 5, 50);
  EXPECT_GT(lanes().full_for_s(tenant, LaneKind::kLive), 0u);
  lanes().left({"a", LaneKind::kLive}, false, 5, 50);
  EXPECT_EQ(lanes().full_for_s(tenant, LaneKind::kLive), 0u);
}

TEST_F(LanesTest, WhoseTurnItIsNotQueuesThoughItHasNoRate) {
  options.crowd = std::make_shared<Crowd>(CrowdOptions{.clock = &clock, .tenants = 2, .records = 1'000});
  Crowd& crowd = *options.crowd;
  crowd.observe(0);
  const model::Tenant loud = model::default_tenant("loud"), quiet = model::default_tenant("quiet");
  EXPECT_TRUE(straight(quiet, 10));
  EXPECT_TRUE(straight(loud, 1'000));
  EXPECT_FALSE(straight(loud, 1'000));
  EXPECT_TRUE(straight(quiet, 10));
  crowd.observe(0);
  EXPECT_FALSE(straight(loud, 10)) << "it queues behind its own";
  move_all();
  EXPECT_TRUE(straight(loud, 10));
}

}  // namespace
}  // namespace freshet::ingest
