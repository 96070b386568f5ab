#include "fleet/plan/sizing.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace freshet::fleet {
namespace {

Load load_of(double in_mb, double groups, double kept_gb) {
  Load load;
  load.peak = {.in_bytes = in_mb * 1e6,
               .replicated_bytes = in_mb * 2e6,
               .out_bytes = in_mb * groups * 1e6,
               .messages_in = in_mb * 1000};
  load.kept = {{3, kept_gb * 1e9 / 3, 100}};
  load.largest_replica_bytes = kept_gb * 1e7;
  return load;
}

TEST(Sizing, CostsAreThoseOfTheList) {
  const Size size{"c6g.large", 3, 2, "gp3", 500, 4000, 250};
  const Cost cost = cost_of(size, default_prices());
  EXPECT_DOUBLE_EQ(cost.brokers, 3 * 0.068 * 730);
  EXPECT_DOUBLE_EQ(cost.volumes, 3 * 2 * (500 * 0.08 + 1000 * 0.005 + 125 * 0.04));
}

TEST(Sizing, ScenariosTakeABrokerAndTheLargestZone) {
  const std::vector<Scenario> scenarios = scenarios_of(7, 3);
  ASSERT_EQ(scenarios.size(), 3u);
  EXPECT_EQ(scenarios[1].present.serving, 6);
  EXPECT_EQ(scenarios[1].present.keeping, 6);
  EXPECT_EQ(scenarios[2].present.serving, 4);
  EXPECT_EQ(scenarios[2].present.keeping, 7);
  EXPECT_EQ(scenarios_of(6, 3)[2].present.serving, 4);  // n * 2 / 3
  EXPECT_EQ(scenarios_of(3, 1).size(), 2u);
}

// With a zone away two of three c6g.large sustain 46.9 MB/s for two groups, of which 80 % may be in use: 37.5.
TEST(Sizing, TheEdgeOfTheSmallestMachine) {
  const auto chosen = [](double in_mb) { return cheapest_size(load_of(in_mb, 2, 100), 3, "gp3", default_prices()); };
  EXPECT_EQ(chosen(37.4)->brokers, 3u);
  EXPECT_EQ(chosen(37.4)->instance, "c6g.large");
  const Size more = *chosen(37.6);
  EXPECT_TRUE(more.brokers > 3 || more.instance != "c6g.large");
}

TEST(Sizing, VolumesGetWhatIsNeeded) {
  const Size size = *cheapest_size(load_of(100, 2, 3000), 3, "gp3", default_prices());
  const BrokerShape shape = shape_of(size, default_prices());
  EXPECT_LE(tightness_of(load_of(100, 2, 3000), shape, scenarios_of(size.brokers, 3), default_prices()).part, 1 + 1e-9);
  EXPECT_EQ(std::fmod(size.volume_gib, 10), 0);
}

TEST(Sizing, NothingHoldsTooMuch) { EXPECT_FALSE(cheapest_size(load_of(1e6, 2, 100), 3, "gp3", default_prices())); }

Load any_load() { return load_of(*rc::gen::inRange(0, 3000), *rc::gen::inRange(0, 8), *rc::gen::inRange(0, 50'000)); }

RC_GTEST_PROP(Sizing, TheCheapestHolds, ()) {
  const Load load = any_load();
  const size_t zones = *rc::gen::inRange<size_t>(1, 4);
  const auto size = cheapest_size(load, zones, "gp3", default_prices());
  RC_PRE(size.has_value());
  const auto scenarios = scenarios_of(size->brokers, zones);
  RC_ASSERT(tightness_of(load, shape_of(*size, default_prices()), scenarios, default_prices()).part <= 1 + 1e-9);
  RC_ASSERT(size->brokers % zones == 0);
  RC_ASSERT(size->brokers >= replication_max(load));
}

RC_GTEST_PROP(Sizing, MoreLoadNeverCostsLess, ()) {
  const Load load = any_load(), extra = any_load();
  Load more = load;
  more.peak.in_bytes += extra.peak.in_bytes;
  more.peak.replicated_bytes += extra.peak.replicated_bytes;
  more.peak.out_bytes += extra.peak.out_bytes;
  more.peak.messages_in += extra.peak.messages_in;
  more.kept.insert(more.kept.end(), extra.kept.begin(), extra.kept.end());
  more.largest_replica_bytes = std::max(load.largest_replica_bytes, extra.largest_replica_bytes);
  const auto before = cheapest_size(load, 3, "gp3", default_prices());
  const auto after = cheapest_size(more, 3, "gp3", default_prices());
  RC_PRE(after.has_value());
  RC_ASSERT(before.has_value());
  RC_ASSERT(cost_of(*after, default_prices()).total() >= cost_of(*before, default_prices()).total());
}

}  // namespace
}  // namespace freshet::fleet
