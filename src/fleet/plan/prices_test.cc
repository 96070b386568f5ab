#include "fleet/plan/prices.h"

#include <gmock/gmock.h>

#include <string>

namespace freshet::fleet {
namespace {

using ::testing::HasSubstr;

std::string problems_of(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  yaml::Problems problems("p.yaml");
  const bool right = parse_prices(text, problems).has_value();
  EXPECT_EQ(right, problems.empty());
  return problems.text();
}

std::string changed(const std::string& from, const std::string& to) {
  return problems_of(std::string(kDefaultPrices), from, to);
}

TEST(Prices, TheDefaultIsRight) {
  const InstancePrice* large = default_prices().find_instance("c6g.large");
  ASSERT_NE(large, nullptr);
  EXPECT_EQ(large->vcpu, 2);
  EXPECT_EQ(large->memory_bytes, 4.0 * (1ull << 30));
  EXPECT_EQ(large->network_bytes_per_s, 93.75e6);
  EXPECT_EQ(large->ebs_bytes_per_s, 78.75e6);
  EXPECT_EQ(large->usd_per_hour, 0.068);
  EXPECT_EQ(default_prices().find_volume("gp3")->usd_per_gib_month, 0.08);
  EXPECT_EQ(default_prices().find_instance("c6g.medium"), nullptr);
  EXPECT_EQ(default_prices().limits.cpu, 0.6);
}

TEST(Prices, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_THAT(changed("usd_per_hour: 0.068", "usd_per_hourr: 0.068"), HasSubstr("usd_per_hour"));
  EXPECT_THAT(changed("usd_per_hour: 0.068", "usd_per_hourr: 0.068"), HasSubstr("p.yaml:"));
  EXPECT_THAT(changed("vcpu: 2,", "vcpu: two,"), HasSubstr("instances.c6g.large.vcpu"));
  EXPECT_THAT(changed("vcpu: 2,", "vcpu: 0,"), HasSubstr("vcpu"));
  EXPECT_THAT(changed("cpu: 0.60,", "cpu: 1.5,"), HasSubstr("limits.cpu"));
  EXPECT_THAT(changed("traffic:", "trafic:"), HasSubstr("did you mean \"traffic\"?"));
}

double usd_per_hour(const Prices& prices, const char* instance) { return prices.find_instance(instance)->usd_per_hour; }

TEST(Prices, RegionsHaveTheirOwn) {
  const Prices& base = default_prices();
  Region region;
  region.name = "eu-central-1";
  const Prices there = base.in(region);
  EXPECT_NEAR(usd_per_hour(there, "c6g.large"), 0.0776, 1e-9);
  EXPECT_NEAR(usd_per_hour(there, "c6g.4xlarge"), 0.6208, 1e-9);
  EXPECT_NEAR(usd_per_hour(there, "m6g.large"), 0.092, 1e-9);
  // A family of which nothing is told is dearer by as much as the others are on average.
  EXPECT_GT(usd_per_hour(there, "m7g.large"), 1.1 * usd_per_hour(base, "m7g.large"));
  EXPECT_LT(usd_per_hour(there, "m7g.large"), 1.25 * usd_per_hour(base, "m7g.large"));
  const VolumePrice& volume = *there.find_volume("gp3");
  EXPECT_EQ(volume.usd_per_gib_month, 0.0952);
  EXPECT_NEAR(volume.usd_per_iops_month, 0.005 * 0.0952 / 0.08, 1e-9);
  EXPECT_EQ(volume.throughput_max_mib_per_s, 2000);
  EXPECT_EQ(volume.size_bytes_max, 64.0 * (1ull << 40));
  // What is not known costs what it does where the figures are from; the file's own come before all.
  region.name = "atlantis-1";
  EXPECT_FALSE(base.knows(region.name));
  EXPECT_EQ(usd_per_hour(base.in(region), "c6g.large"), 0.068);
  region.prices.machines = {{"c6g", 0.4}};
  region.prices.cross_zone_usd_per_gb = 0.5;
  EXPECT_NEAR(usd_per_hour(base.in(region), "c6g.large"), 0.2, 1e-9);
  EXPECT_EQ(base.in(region).cross_zone_usd_per_gb, 0.5);
  EXPECT_EQ(base.in(region).find_volume("gp3")->usd_per_gib_month, 0.08);
}

TEST(Prices, EveryRegionKnowsTheUsualMachines) {
  for (const auto& [name, prices] : default_prices().regions) {
    SCOPED_TRACE(name);
    Region region;
    region.name = name;
    const Prices there = default_prices().in(region);
    for (const InstancePrice& instance : there.instances) {
      EXPECT_GT(instance.usd_per_hour, 0.5 * usd_per_hour(default_prices(), instance.name.c_str()));
      EXPECT_LT(instance.usd_per_hour, 1.5 * usd_per_hour(default_prices(), instance.name.c_str()));
    }
  }
}

TEST(Prices, SomethingMustBeThereToRecommend) {
  std::string text(kDefaultPrices);
  for (size_t at = text.find("broker: true"); at != std::string::npos; at = text.find("broker: true"))
    text.replace(at, 12, "broker: false");
  EXPECT_THAT(problems_of(text, "broker: false", "broker: false"), HasSubstr("one at least must have broker: true"));
}

}  // namespace
}  // namespace freshet::fleet
