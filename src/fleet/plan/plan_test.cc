#include "fleet/plan/plan.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "fleet/lint/lint.h"
#include "fleet/plan/figures.h"
#include "fleet/plan/report.h"
#include "fleet/text.h"
#include "testing/planned_fleets.h"
#include "testing/project_path.h"

namespace freshet::fleet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Plan plan_of(const Topology& fleet, const PlanOptions& options = {}) {
  Result<Plan> plan = plan_fleet(fleet, nullptr, options, default_prices());
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? *std::move(plan) : Plan{};
}

double use_of(const ClusterPlan& cluster, Resource resource) {
  double most = 0;
  for (const ScenarioUse& use : cluster.uses) most = std::max(most, use.use[static_cast<size_t>(resource)]);
  return most;
}

TEST(Plan, LittleIsNotNothingAndMuchIsNotAll) {
  EXPECT_EQ(percent(0), "0 %");
  EXPECT_EQ(percent(0.004), "under 1 %");
  EXPECT_EQ(percent(0.006), "1 %");
  EXPECT_EQ(percent(0.996), "over 99 %");
  EXPECT_EQ(percent(1), "100 %");
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(0.0014), "0.0014");
  EXPECT_EQ(count_text(0.5), "0.5");
  // What is over its limit does not look as if it were at it.
  ClusterPlan plan;
  plan.tightness.use = 0.603;
  plan.tightness.limit = 0.6;
  EXPECT_EQ(used_of_limit(plan), "60.30 %, limit 60 %");
  plan.tightness.use = 0.6;
  EXPECT_EQ(used_of_limit(plan), "60 %, limit 60 %");
  plan.tightness.use = 0.5;
  EXPECT_EQ(used_of_limit(plan), "50 %, limit 60 %");
}

TEST(Plan, AClusterCostsWhatItDoesInItsRegion) {
  Topology fleet = shop();
  const Plan here = plan_fleet(fleet, nullptr, {}, default_prices()).value();
  for (Region& region : fleet.regions) region.prices.machines = {{"c6g", 1.36}, {"m6g", 1.54}};
  const Plan dear = plan_fleet(fleet, nullptr, {}, default_prices()).value();
  ASSERT_EQ(here.clusters.size(), dear.clusters.size());
  EXPECT_GT(dear.cost.brokers, 5 * here.cost.brokers);
  EXPECT_EQ(dear.cost.volumes, here.cost.volumes);
  fleet.regions[0].prices = {};
  fleet.regions[0].name = "nowhere";
  EXPECT_NE(plan_fleet(fleet, nullptr, {}, default_prices())->prices.find("none are known of nowhere"),
            std::string::npos);
}

TEST(Plan, OfTheShop) {
  const Plan plan = plan_of(shop(), {.months = 0});
  EXPECT_EQ(plan.messages_per_s, 9000);
  ASSERT_EQ(plan.clusters.size(), 3u);
  const ClusterPlan& front = plan.clusters[0];
  EXPECT_TRUE(front.holds);
  // With a zone away two brokers of 156.25 MB/s send 10 MB/s to two followers and one mirror.
  EXPECT_NEAR(use_of(front, Resource::kNetworkOut), 30e6 / (2 * 156.25e6), 1e-9);
  EXPECT_EQ(front.brokers.size(), 3u);
  EXPECT_EQ(front.brokers[0].replicas, 36u);
  EXPECT_EQ(front.brokers[0].leaders, 12u);
  EXPECT_NEAR(front.cost.brokers, 3 * 0.136 * 730, 1e-9);
  EXPECT_NEAR(front.cost.controllers, 3 * 0.077 * 730, 1e-9);
  EXPECT_NEAR(plan.clusters[1].cost.mirrors, 2 * 0.034 * 730, 1e-9);
  EXPECT_EQ(plan.comparison->split.clusters, 3u);
  EXPECT_EQ(plan.comparison->whole.clusters, 1u);
}

TEST(Plan, AMirrorOfTheOtherKindTakesLess) {
  Topology fleet = shop();
  const Plan before = plan_of(fleet, {.months = 0});
  for (Mirror& mirror : fleet.mirrors) mirror.kind = MirrorKind::kFreshet;
  const Plan plan = plan_of(fleet, {.months = 0});
  ASSERT_EQ(plan.mirrors.size(), fleet.mirrors.size());
  for (size_t i = 0; i < plan.mirrors.size(); ++i) {
    const MirrorPlan &now = plan.mirrors[i], &then = before.mirrors[i];
    EXPECT_LT(now.use.cores, then.use.cores);
    EXPECT_LT(now.use.memory_bytes, then.use.memory_bytes);
    EXPECT_EQ(now.as_other.cores, then.use.cores);
    EXPECT_EQ(now.use.cores, then.as_other.cores);
  }
  EXPECT_LT(plan.cost.mirrors, before.cost.mirrors);
  EXPECT_EQ(text_report(before).find("AS MIRRORMAKER 2"), std::string::npos);
  EXPECT_NE(text_report(plan).find("AS MIRRORMAKER 2"), std::string::npos);
}

TEST(Plan, MirrorMakerCantPartitionAnew) {
  Topology fleet = shop();
  fleet.mirrors[0].kind = MirrorKind::kFreshet;
  fleet.topics[fleet.mirrors[0].topics[0].to].partitions += 1;
  EXPECT_FALSE(plan_of(fleet, {.months = 0}).mirrors[0].other_can);
}

TEST(Plan, OneClusterForEachRegionIsNotComparedWithItself) { EXPECT_FALSE(plan_of(merged(shop())).comparison); }

TEST(Plan, LosingAZoneLeavesTwoThirds) {
  PlanOptions options{.months = 0};
  options.losses = {*parse_loss("zone=a")};
  const Plan lost = plan_of(shop(), options);
  ASSERT_EQ(lost.clusters[0].uses.size(), 1u);
  EXPECT_EQ(lost.clusters[0].uses[0].scenario.present.serving, 2);
  EXPECT_EQ(lost.clusters[0].left.offline, 0u);
  EXPECT_EQ(lost.clusters[0].left.partitions, 36u);
  options.losses.push_back(*parse_loss("zone=us-east-1b"));  // min ISR is 2
  EXPECT_EQ(plan_of(shop(), options).clusters[0].left.read_only, 36u);
  EXPECT_FALSE(holds(plan_of(shop(), options)));
}

TEST(Plan, LosingABrokerOfOneClusterIsItsAlone) {
  PlanOptions options{.months = 0};
  options.losses = {*parse_loss("broker=clicks/2")};
  const Plan lost = plan_of(shop(), options);
  EXPECT_EQ(lost.clusters[0].uses[0].scenario.present.serving, 3);
  EXPECT_EQ(lost.clusters[2].uses[0].scenario.present.serving, 5);
}

TEST(Plan, WhatIsNotThereIsSaid) {
  for (const char* text : {"zone", "zone=", "broker=", "broker=0", "broker=x", "broker=front/", "a"})
    EXPECT_FALSE(parse_loss(text)) << text;
  PlanOptions options;
  options.losses = {*parse_loss("broker=front/9")};
  EXPECT_FALSE(plan_fleet(shop(), nullptr, options, default_prices()));
  options = {};
  options.rates = {*parse_rate_change("nothing=2x")};
  EXPECT_FALSE(plan_fleet(shop(), nullptr, options, default_prices()));
}

TEST(Plan, WhatHasNoPriceIsSaidWithItsPlace) {
  Topology fleet = shop();
  fleet.clusters[0].instance = "c6g.xlrge";
  yaml::Problems problems("fleet.yaml");
  EXPECT_FALSE(check_priced(fleet, default_prices(), problems));
  EXPECT_THAT(problems.text(), HasSubstr("fleet.yaml:5:"));
  EXPECT_THAT(problems.text(), HasSubstr("did you mean \"c6g.xlarge\"?"));
}

TEST(Plan, GrowthEndsWhatHolds) {
  Topology fleet = shop();
  for (Topic& topic : fleet.topics) topic.growth_percent_per_month = 10;
  const Plan plan = plan_of(fleet, {.months = 0});
  const ClusterPlan& clicks = plan.clusters[2];
  ASSERT_TRUE(clicks.holds_months);
  for (const uint32_t month : {*clicks.holds_months, *clicks.holds_months + kMonthsStep}) {
    if (month > kMonthsLookedAhead) continue;
    EXPECT_EQ(plan_of(fleet, {.months = month}).clusters[2].holds, month == *clicks.holds_months) << month;
  }
}

TEST(Plan, ReportsSayTheSame) {
  PlanOptions options;
  options.outages = {*parse_outage("site=30")};
  const Plan plan = plan_of(shop(), options);
  const std::string text = text_report(plan), json = json_report(plan), html = html_report(plan);
  EXPECT_THAT(text, HasSubstr("site away for 30 min, then up to 3.0 times"));
  EXPECT_THAT(json, HasSubstr("\"outage_minutes\":30"));
  EXPECT_THAT(html, HasSubstr("When site restarts"));
  EXPECT_THAT(html, Not(HasSubstr("http")));  // nothing from elsewhere
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_EQ(text, text_report(plan_of(shop(), options)));
  EXPECT_EQ(html, html_report(plan_of(shop(), options)));
}

TEST(Plan, NamesCanNotBreakThePage) {
  Topology fleet = shop();
  fleet.name = "<b>&\"";
  EXPECT_THAT(html_report(plan_of(fleet)), HasSubstr("Plan of &lt;b&gt;&amp;&quot;"));
  EXPECT_THAT(html_report(plan_of(fleet)), Not(HasSubstr("<b>&")));
}

std::set<std::string> errors_of(const Topology& fleet) {
  std::set<std::string> out;
  for (const Finding& finding : lint(fleet).findings) {
    if (finding.rule->grade == Grade::kError) out.insert(std::string(finding.rule->id) + ": " + finding.subject);
  }
  return out;
}

// What it recommends brings no error of lint that was not there before.
testing::AssertionResult adds_no_errors(const Topology& fleet) {
  const std::set<std::string> before = errors_of(fleet);
  for (const std::string& error : errors_of(resized(fleet, plan_of(fleet)))) {
    if (!before.contains(error)) return testing::AssertionFailure() << error;
  }
  return testing::AssertionSuccess();
}

class Examples : public testing::TestWithParam<std::string> {};

TEST_P(Examples, LintHasNothingAgainstThePlan) {
  yaml::Problems problems(project_path("examples/fleet/" + GetParam()));
  const auto fleet = load_topology(problems.file(), problems);
  ASSERT_TRUE(fleet) << problems.text();
  EXPECT_TRUE(check_priced(*fleet, default_prices(), problems)) << problems.text();
  EXPECT_TRUE(adds_no_errors(*fleet));
}
INSTANTIATE_TEST_SUITE_P(Plan, Examples, testing::Values("small.yaml", "shop.yaml", "twenty.yaml", "monolith.yaml"));

RC_GTEST_PROP(Plan, LintHasNothingAgainstIt, ()) { RC_ASSERT(adds_no_errors(some_shop())); }

RC_GTEST_PROP(Plan, MoreLoadNeverNeedsLess, ()) {
  const Topology fleet = some_shop();
  PlanOptions more;
  more.rates = {
      {*rc::gen::element<std::string>("orders", "clicks", "*", "front/clicks"), 1 + *rc::gen::inRange(0, 30) / 10.0}};
  more.months += static_cast<uint32_t>(*rc::gen::inRange(0, 12));
  const Plan a = plan_of(fleet), b = plan_of(fleet, more);
  for (size_t c = 0; c < a.clusters.size(); ++c) {
    for (size_t r = 0; r < kResources; ++r) {
      const auto resource = static_cast<Resource>(r);
      RC_ASSERT(use_of(a.clusters[c], resource) <= use_of(b.clusters[c], resource) * (1 + 1e-9));
    }
    RC_ASSERT(a.clusters[c].cost.total() <= b.clusters[c].cost.total() + 1e-6);
    if (!b.clusters[c].best) continue;
    RC_ASSERT(a.clusters[c].best.has_value());
    RC_ASSERT(a.clusters[c].best_cost.total() <= b.clusters[c].best_cost.total() + 1e-6);
  }
}

RC_GTEST_PROP(Plan, WhatItRecommendsHolds, ()) {
  const Topology fleet = some_shop();
  const Plan plan = plan_of(fleet);
  const Plan again = plan_of(resized(fleet, plan));
  for (size_t c = 0; c < plan.clusters.size(); ++c) {
    if (!plan.clusters[c].best) continue;
    RC_ASSERT(again.clusters[c].holds);
    RC_ASSERT(*again.clusters[c].best == *plan.clusters[c].best);
    RC_ASSERT(again.clusters[c].dir_use_max <= default_prices().limits.disk + 1e-9);
  }
}

}  // namespace
}  // namespace freshet::fleet
