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

TEST(Prices, SomethingMustBeThereToRecommend) {
  std::string text(kDefaultPrices);
  for (size_t at = text.find("broker: true"); at != std::string::npos; at = text.find("broker: true"))
    text.replace(at, 12, "broker: false");
  EXPECT_THAT(problems_of(text, "broker: false", "broker: false"), HasSubstr("one at least must have broker: true"));
}

}  // namespace
}  // namespace freshet::fleet
