#include "fleet/plan/burst.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "fleet/plan/loads.h"
#include "fleet/plan/sizing.h"
#include "testing/planned_fleets.h"

namespace freshet::fleet {
namespace {

using ::testing::HasSubstr;

TEST(Flood, TheBacklogIsRateTimesOutageAndDrainsByWhatIsLeft) {
  const std::vector<Stage> stages = {{{}, 1000, 3000}, {{{0, 1}}, 1000, 10'000}};
  const Flood waves = flood(stages, 1800);
  EXPECT_DOUBLE_EQ(waves.waiting_max[0], 1000.0 * 1800);
  EXPECT_NEAR(*waves.recovered_s[0], 1000.0 * 1800 / (3000 - 1000), 1);
  EXPECT_EQ(waves.passed_max[1], 3000);
  EXPECT_EQ(*waves.recovered_s[1], 0);  // it takes all that comes
}

// The narrowest place decides when all is well; what waits moves down to it.
TEST(Flood, ANarrowClusterBelowRecoversLater) {
  const std::vector<Stage> stages = {{{}, 1000, 4000}, {{{0, 1}}, 1000, 1500}};
  const Flood waves = flood(stages, 600);
  EXPECT_NEAR(*waves.recovered_s[0], 600.0 * 1000 / 3000, 1);
  EXPECT_NEAR(*waves.recovered_s[1], 600.0 * 1000 / (1500 - 1000), 2);
  EXPECT_EQ(waves.passed_max[1], 1500);
  EXPECT_NEAR(waves.waiting_max[1], 200 * (4000 - 1500), 3000);
}

TEST(Flood, WhatCanNotKeepUpDoesNotRecover) {
  const std::vector<Stage> stages = {{{}, 1000, 3000}, {{{0, 1}}, 1000, 900}};
  const Flood waves = flood(stages, 60);
  EXPECT_FALSE(waves.recovered_s[1]);
  EXPECT_TRUE(waves.recovered_s[0]);
}

RC_GTEST_PROP(Flood, ALongerOutageNeverRecoversSooner, ()) {
  std::vector<Stage> stages = {{{}, 100, 100.0 + *rc::gen::inRange(1, 400)}};
  for (size_t i = 1; i < 4; ++i) {
    const double ratio = *rc::gen::inRange(1, 20) / 10.0;
    const size_t from = *rc::gen::inRange<size_t>(0, i);
    const double usual = stages[from].usual * ratio;
    stages.push_back({{{from, ratio}}, usual, usual * (1.1 + *rc::gen::inRange(0, 30) / 10.0)});
  }
  const auto shorter = static_cast<uint32_t>(*rc::gen::inRange(1, 1200));
  const auto longer = shorter + static_cast<uint32_t>(*rc::gen::inRange(0, 1200));
  const Flood a = flood(stages, shorter), b = flood(stages, longer);
  for (size_t i = 0; i < stages.size(); ++i) {
    RC_ASSERT(a.waiting_max[i] <= b.waiting_max[i] + 1e-6);
    RC_ASSERT(!b.recovered_s[i] || (a.recovered_s[i] && *a.recovered_s[i] <= *b.recovered_s[i]));
  }
}

Burst burst_of(const Topology& fleet, const Outage& outage) {
  std::vector<BrokerShape> shapes;
  for (const Cluster& cluster : fleet.clusters) shapes.push_back(shape_of(size_of(cluster), default_prices()));
  Result<Burst> result = burst(fleet, loads_of(fleet, rates_of(fleet)), shapes, outage, default_prices());
  EXPECT_TRUE(result) << result.error().message;
  return result ? *std::move(result) : Burst{};
}

TEST(Burst, FollowsMirrorsDown) {
  const Burst wave = burst_of(shop(), {"site", 30, 2});
  EXPECT_DOUBLE_EQ(wave.usual, 18'000);  // both topics at their peak
  EXPECT_DOUBLE_EQ(wave.backlog, 18'000.0 * 1800);
  EXPECT_NEAR(*wave.sent_minutes, 30, 0.1);  // twice the rate: as long as it was away
  ASSERT_EQ(wave.clusters.size(), 3u);
  EXPECT_EQ(wave.clusters[0].cluster, "front");
  EXPECT_DOUBLE_EQ(wave.clusters[0].messages_max, 36'000);
  EXPECT_DOUBLE_EQ(wave.clusters[1].usual, 2000);
  EXPECT_DOUBLE_EQ(wave.clusters[1].messages_max, 4000);
  EXPECT_GT(wave.clusters[0].cpu_max, wave.clusters[0].cpu_before);
  EXPECT_GT(wave.clusters[0].latency_times, 1);
  ASSERT_EQ(wave.groups.size(), 1u);  // counts doesn't say how fast it is
  EXPECT_EQ(wave.groups[0].group, "billing");
  // 4000/s come for half an hour, 3000/s can be read; then 1000/s are left to catch up with.
  EXPECT_NEAR(wave.groups[0].lag_max, 1000 * 1800, 5000);
  EXPECT_NEAR(*wave.groups[0].recovered_minutes, 60, 0.2);
}

TEST(Burst, AClusterTakesNoMoreThanItCan) {
  Topology fleet = shop();
  for (Topic& topic : fleet.topics) topic.messages_per_s *= 8;
  const Burst wave = burst_of(fleet, {"site", 10, 20});
  EXPECT_LE(wave.clusters[0].use_max, 1 + 1e-9);
  EXPECT_NEAR(wave.clusters[0].use_max, 1, 1e-6);
  EXPECT_GT(wave.clusters[0].waiting_max, 0);
}

TEST(Burst, WhatIsWrongIsSaid) {
  for (const char* text :
       {"site", "site=", "site=0", "site=1441", "site=-5", "=5", "site=5@", "site=5@2", "site=5@0x", "site=nan"})
    EXPECT_FALSE(parse_outage(text)) << text;
  EXPECT_EQ(parse_outage("site=30@4x")->catch_up, 4);
  EXPECT_EQ(parse_outage("site=30")->minutes, 30);
  const Topology fleet = shop();
  const Result<Burst> unknown = burst(fleet, {}, {}, {"sit", 5, 0}, default_prices());
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("did you mean \"site\"?"));
  const Result<Burst> silent = burst(fleet, loads_of(fleet, rates_of(fleet)), {}, {"billing", 5, 0}, default_prices());
  ASSERT_FALSE(silent);
  EXPECT_THAT(silent.error().message, HasSubstr("sends no messages"));
}

}  // namespace
}  // namespace freshet::fleet
