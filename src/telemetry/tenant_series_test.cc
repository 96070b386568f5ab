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
  TenantSeries(2).bound(families);
  EXPECT_EQ(values_of(families[0]), (std::map<std::string, double>{{"a", 1}, {"b", 2}}));
}

TEST(TenantSeries, TheBusiestKeepTheirNamesAndTheOldestAgeCounts) {
  std::vector<MetricFamily> families = {
      family_of(MetricType::Counter, "n_total", {{"a", 1}, {"b", 9}, {"c", 2}}),
      family_of(MetricType::Gauge, "age_seconds", {{"a", 5}, {"b", 1}, {"c", 7}}),
      family_of(MetricType::Gauge, "full_ratio", {{"a", 0.25}, {"b", 1}, {"c", 0.5}}),
      family_of(MetricType::Gauge, "sink_up", {{"a", 1}, {"b", 1}, {"c", 0}}),
      family_of(MetricType::Gauge, "waiting_records", {{"a", 3}, {"b", 1}, {"c", 4}})};
  TenantSeries(1).bound(families);
  EXPECT_EQ(values_of(families[0]), (std::map<std::string, double>{{"b", 9}, {"other", 3}}));
  EXPECT_EQ(values_of(families[1]), (std::map<std::string, double>{{"b", 1}, {"other", 7}}));
  EXPECT_EQ(values_of(families[2]), (std::map<std::string, double>{{"b", 1}, {"other", 0.5}}));
  EXPECT_EQ(values_of(families[3]), (std::map<std::string, double>{{"b", 1}, {"other", 0}}));
  EXPECT_EQ(values_of(families[4]), (std::map<std::string, double>{{"b", 1}, {"other", 7}}));
}

using Values = std::map<std::string, double>;

Values bounded(TenantSeries& series, const Values& counts, MetricType type = MetricType::Counter) {
  std::vector<MetricFamily> families = {family_of(type, "n_total", counts)};
  series.bound(families);
  return values_of(families[0]);
}

TEST(TenantSeries, WhoBecomesBusyGetsAName) {
  TenantSeries series(1);
  Values counts = {{"early", 100}, {"late", 1}};
  EXPECT_EQ(bounded(series, counts), (Values{{"early", 100}, {"other", 1}}));
  series.rank({family_of(MetricType::Counter, "n_total", counts)});
  counts = {{"early", 110}, {"late", 1'001}};
  series.rank({family_of(MetricType::Counter, "n_total", counts)});
  EXPECT_EQ(bounded(series, counts), (Values{{"late", 0}, {"other", 1'001}}))
      << "what was counted under other stays there";
  counts = {{"early", 113}, {"late", 1'005}};
  EXPECT_EQ(bounded(series, counts), (Values{{"late", 4}, {"other", 1'004}}));
  series.rank({family_of(MetricType::Counter, "n_total", counts)});
  EXPECT_EQ(bounded(series, counts), (Values{{"late", 4}, {"other", 1'004}})) << "3 are not twice as busy as 4";
  counts["early"] = 200;
  series.rank({family_of(MetricType::Counter, "n_total", counts)});
  EXPECT_EQ(bounded(series, counts), (Values{{"early", 110}, {"other", 1'091}})) << "it goes on where its name ended";
}

TEST(TenantSeries, ThoseWithoutANameHaveNoneForTheirSinks) {
  MetricFamily family{"lag_records", "", MetricType::Gauge, {}};
  for (const auto& [tenant, sinks] : std::map<std::string, int>{{"a", 3}, {"b", 3}, {"many", 2 * int{kSinksShown}}})
    for (int i = 0; i < sinks; ++i) {
      ClientMetric metric;
      metric.label = {{"sink", "s" + std::to_string(100 + i)}, {"tenant", tenant}};
      metric.gauge.value = 1;
      family.metric.push_back(metric);
    }
  std::vector<MetricFamily> families = {family,
                                        family_of(MetricType::Counter, "n_total", {{"a", 1}, {"b", 2}, {"many", 3}})};
  TenantSeries series(1);
  series.bound(families);
  double sum = 0;
  size_t of_nobody = 0;
  for (const ClientMetric& metric : families[0].metric) {
    sum += metric.gauge.value;
    if (metric.label[1].value != kOthers) continue;
    ++of_nobody;
    EXPECT_EQ(metric.label[0].value, kOthers);
  }
  EXPECT_EQ(of_nobody, 1U);
  EXPECT_EQ(families[0].metric.size(), kSinksShown + 2) << "those of `many`, their rest, and nobody's";
  EXPECT_EQ(sum, 6.0 + 2 * kSinksShown);
}

// Whatever is counted, and whenever who has a name changes: no series goes back, each grows by what was counted under
// it, and nothing of it is lost.
TEST(TenantSeries, WhoeverHasNamesEachSeriesGrowsByWhatWasCounted) {
  ASSERT_TRUE(rc::check([] {
    const auto most = *rc::gen::inRange<size_t>(1, 5);
    TenantSeries series(most);
    Values counts, before, shown_before;
    bool was_short = false;
    const auto steps = *rc::gen::inRange(1, 24);
    for (int i = 0; i < steps; ++i) {
      const bool ranks = *rc::gen::inRange(0, 4) == 0;
      if (ranks) series.rank({family_of(MetricType::Counter, "n_total", counts)});
      before = counts;
      const auto shown_then = ranks ? bounded(series, counts) : shown_before;
      counts[std::string(1, static_cast<char>('a' + *rc::gen::inRange(0, 8)))] += *rc::gen::inRange(1, 100);
      const Values now = bounded(series, counts);
      RC_ASSERT(now.size() <= most + 1);
      double grown = 0, counted = 0;
      for (const auto& [tenant, value] : now) grown += value;
      for (const auto& [tenant, value] : shown_then) grown -= value;
      for (const auto& [tenant, value] : counts) counted += value - (before.contains(tenant) ? before.at(tenant) : 0);
      RC_ASSERT(grown == counted);
      if (was_short) {
        for (const auto& [tenant, value] : shown_before)
          RC_ASSERT((now.contains(tenant) ? now.at(tenant) >= value : ranks && tenant != kOthers));
      }
      was_short = now.contains(kOthers);
      shown_before = now;
    }
  }));
}

}  // namespace
}  // namespace freshet::telemetry
