#include "telemetry/tenant_series.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

namespace freshet::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family_of(MetricType type, const std::string& name, const std::map<std::string, double>& values) {
  MetricFamily family{name, "", type, {}};
  for (const auto& [tenant, value] : values) {
    ClientMetric metric;
    metric.label = {{"tenant", tenant}, {"code", "c"}};
    metric.counter.value = metric.gauge.value = value;
    metric.histogram.sample_count = static_cast<uint64_t>(value);
    metric.histogram.bucket = {{static_cast<uint64_t>(value), 1.0}};
    family.metric.push_back(metric);
  }
  return family;
}

std::map<std::string, double> values_of(const MetricFamily& family) {
  std::map<std::string, double> values;
  for (const ClientMetric& metric : family.metric)
    values[metric.label[0].value] = family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value;
  return values;
}

TEST(TenantSeries, AFewAreAllShown) {
  std::vector<MetricFamily> families = {family_of(MetricType::Counter, "n_total", {{"a", 1}, {"b", 2}})};
  std::set<std::string> shown;
  bound_tenants(families, shown, 2);
  EXPECT_EQ(values_of(families[0]), (std::map<std::string, double>{{"a", 1}, {"b", 2}}));
  EXPECT_TRUE(shown.empty());  // Nobody has a place for ever before places are short.
}

TEST(TenantSeries, TheBusiestKeepTheirNamesAndTheOldestAgeCounts) {
  std::vector<MetricFamily> families = {family_of(MetricType::Counter, "n_total", {{"a", 1}, {"b", 9}, {"c", 2}}),
                                        family_of(MetricType::Gauge, "age_seconds", {{"a", 5}, {"b", 1}, {"c", 7}})};
  std::set<std::string> shown;
  bound_tenants(families, shown, 1);
  EXPECT_EQ(values_of(families[0]), (std::map<std::string, double>{{"b", 9}, {"other", 3}}));
  EXPECT_EQ(values_of(families[1]), (std::map<std::string, double>{{"b", 1}, {"other", 7}}));
}

TEST(TenantSeries, CountersNeverGoBackAndNothingIsLost) {
  ASSERT_TRUE(rc::check([] {
    const auto most = *rc::gen::inRange<size_t>(1, 5);
    std::map<std::string, double> counts;
    std::map<std::string, double> before;
    std::set<std::string> shown;
    const auto steps = *rc::gen::inRange(1, 12);
    bool was_short = false;
    for (int i = 0; i < steps; ++i) {
      counts[std::string(1, static_cast<char>('a' + *rc::gen::inRange(0, 8)))] += *rc::gen::inRange(1, 100);
      std::vector<MetricFamily> families = {family_of(MetricType::Counter, "n_total", counts)};
      bound_tenants(families, shown, most);
      const auto now = values_of(families[0]);
      double sum = 0, all = 0;
      for (const auto& [tenant, value] : now) sum += value;
      for (const auto& [tenant, value] : counts) all += value;
      RC_ASSERT(sum == all);
      RC_ASSERT(now.size() <= most + 1);
      // Once places are short, nobody moves.
      if (was_short)
        for (const auto& [tenant, value] : before) RC_ASSERT(now.contains(tenant) && now.at(tenant) >= value);
      was_short = !shown.empty();
      before = now;
    }
  }));
}

}  // namespace
}  // namespace freshet::telemetry
