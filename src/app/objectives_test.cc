#include "app/objectives.h"

#include <gtest/gtest.h>

#include "console/freshness.h"

namespace freshet::app {
namespace {

class ObjectivesTest : public ::testing::Test {
 protected:
  // Every test has a tenant of its own, as metrics are never forgotten.
  explicit ObjectivesTest(std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name())
      : name_(std::move(name)) {
    use({});
  }
  void use(const model::Objective& own) {
    model::Tenant tenant = model::default_tenant(name_);
    tenant.objective = own;
    tenants_ = {std::make_shared<const model::Tenant>(std::move(tenant))};
  }
  void record(int64_t us, uint64_t times) {
    telemetry::histogram(console::kFreshnessMetric, console::kFreshnessHelp, {{"tenant", name_}}).record(us, times);
  }
  uint64_t counted(const char* what) {
    return telemetry::counter(std::string("freshet_objective_") + what, "", {{"tenant", name_}}).value();
  }
  double over_seconds() { return telemetry::gauge("freshet_objective_over_seconds", "", {{"tenant", name_}}).value(); }

  std::string name_;
  std::vector<std::shared_ptr<const model::Tenant>> tenants_;
  Objectives objectives_{model::kUsualObjective};
};

TEST_F(ObjectivesTest, CountsWhatIsLate) {
  objectives_.tick(tenants_);
  record(5'000, 997);
  record(1'200'000, 3);
  objectives_.tick(tenants_);
  EXPECT_EQ(counted("records_total"), 1000u);
  EXPECT_EQ(counted("late_total"), 3u);
  EXPECT_EQ(counted("budget_millionths_total"), 1'000'000u);  // one record of a thousand
  EXPECT_EQ(over_seconds(), 30 * 86400);
  objectives_.tick(tenants_);
  EXPECT_EQ(counted("records_total"), 1000u);
}

TEST_F(ObjectivesTest, ATenantsOwnObjectiveCounts) {
  use({2'000'000, 0.99, 0});
  objectives_.tick(tenants_);
  record(1'200'000, 99);
  record(2'200'000, 1);
  objectives_.tick(tenants_);
  EXPECT_EQ(counted("late_total"), 1u);
  EXPECT_EQ(counted("budget_millionths_total"), 1'000'000u);
}

TEST_F(ObjectivesTest, AnotherBoundTurnsNothingLateThatWasGood) {
  objectives_.tick(tenants_);
  record(500'000, 100);
  objectives_.tick(tenants_);
  use({100'000, 0, 0});
  objectives_.tick(tenants_);
  EXPECT_EQ(counted("late_total"), 0u);
  record(500'000, 1);
  objectives_.tick(tenants_);
  EXPECT_EQ(counted("late_total"), 1u);
  EXPECT_EQ(counted("records_total"), 101u);
}

}  // namespace
}  // namespace freshet::app
