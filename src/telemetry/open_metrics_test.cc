#include "telemetry/open_metrics.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <limits>

#include "telemetry/families.h"

namespace freshet::telemetry {
namespace {

TEST(OpenMetrics, IsGivenToWhoNamesItAsWillingly) {
  EXPECT_FALSE(wants_open_metrics(""));
  EXPECT_FALSE(wants_open_metrics("*/*"));
  EXPECT_FALSE(wants_open_metrics("text/plain"));
  EXPECT_FALSE(wants_open_metrics("application/openmetrics-text;q=0"));
  EXPECT_FALSE(wants_open_metrics("application/openmetrics-text-not"));
  EXPECT_FALSE(wants_open_metrics("application/openmetrics-text;q=0.3, text/plain;q=0.5"));
  EXPECT_TRUE(wants_open_metrics("application/openmetrics-text"));
  // Prometheus 2.42.
  EXPECT_TRUE(
      wants_open_metrics("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
                         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  EXPECT_EQ(expose_metrics("").content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(expose_metrics("application/openmetrics-text").content_type,
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
}

prometheus::MetricFamily family(const std::string& name, prometheus::MetricType type) {
  prometheus::MetricFamily out;
  out.name = name;
  out.type = type;
  out.metric.emplace_back();
  return out;
}

TEST(OpenMetrics, WritesEachTypeAsTheSpecificationHasIt) {
  std::vector<prometheus::MetricFamily> families = {family("a_total", prometheus::MetricType::Counter),
                                                    family("b_bytes", prometheus::MetricType::Gauge),
                                                    family("c_seconds", prometheus::MetricType::Histogram)};
  families[0].help = "What \"a\"\nis.";
  families[0].metric[0].label = {{"t", "x\\\"\n"}};
  families[0].metric[0].counter.value = 3;
  families[1].metric[0].gauge.value = 1.5;
  auto& histogram_of = families[2].metric[0].histogram;
  histogram_of.bucket = {{1, 1e-05}, {2, 1}, {2, std::numeric_limits<double>::infinity()}};
  histogram_of.sample_count = 2;
  histogram_of.sample_sum = 0.5;
  Exemplars exemplars;
  Exemplar one{{}, 250'000, 1'767'323'045'678'000};
  one.trace_id.fill(0xab);
  exemplars["c_seconds"][{}] = {{}, one, {}};
  EXPECT_EQ(render_open_metrics(families, exemplars),
            "# TYPE a counter\n# HELP a What \\\"a\\\"\\nis.\na_total{t=\"x\\\\\\\"\\n\"} 3.0\n"
            "# TYPE b_bytes gauge\n# UNIT b_bytes bytes\nb_bytes 1.5\n"
            "# TYPE c_seconds histogram\n# UNIT c_seconds seconds\nc_seconds_bucket{le=\"1e-05\"} 1\n"
            "c_seconds_bucket{le=\"1.0\"} 2 # {trace_id=\"abababababababababababababababab\"} 0.25 1767323045.678\n"
            "c_seconds_bucket{le=\"+Inf\"} 2\nc_seconds_count 2\nc_seconds_sum 0.5\n# EOF\n");
}

// Whoever looks at a bucket gets a trace that fell into it, and the last one.
TEST(OpenMetrics, AnExemplarIsInTheBucketOfItsValue) {
  ASSERT_TRUE(rc::check([] {
    Histogram& h =
        histogram("freshet_test_each_us", "A test.", {{"n", std::to_string(*rc::gen::inRange(0, 1'000'000))}});
    const auto value_us = *rc::gen::inRange<int64_t>(1, 60'000'000'000);
    h.record(value_us);
    exemplify(h, value_us, TraceId{1}, 5);
    exemplify(h, value_us, TraceId{2}, 6);
    const std::vector<Exemplar> all = exemplars_of(h);
    RC_ASSERT(all.size() == kShownBuckets);
    const auto at = std::find_if(all.begin(), all.end(), [&](const Exemplar& one) { return one.value_us == value_us; });
    RC_ASSERT(at != all.end() && at->trace_id == TraceId{2} && at->at_us == 6);
    static Histogram& shown = histogram("freshet_test_exemplar_us", "A test.");
    shown.record(value_us);
    for (const auto& one : metric_families()) {
      if (one.name != "freshet_test_exemplar_seconds") continue;
      const auto& bucket = one.metric[0].histogram.bucket[static_cast<size_t>(at - all.begin())];
      RC_ASSERT(static_cast<double>(value_us) / 1e6 <= bucket.upper_bound);
      RC_ASSERT(bucket.cumulative_count > 0);
    }
  }));
}

TEST(OpenMetrics, HasNoExemplarsWhereNothingIsTraced) {
  Histogram& h = histogram("freshet_test_untraced_us", "A test.");
  h.record(5);
  EXPECT_TRUE(exemplars_of(h).empty());
}

TEST(OpenMetrics, ShowsThoseOfTheRegistry) {
  exemplify(histogram("freshet_test_shown_us", "A test.", {{"tenant", "t"}}), 7, TraceId{7}, 9);
  const Exemplars all = metric_exemplars();
  ASSERT_TRUE(all.contains("freshet_test_shown_seconds"));
  EXPECT_TRUE(all.at("freshet_test_shown_seconds").contains(Labels{{"tenant", "t"}}));
}

}  // namespace
}  // namespace freshet::telemetry
