#include "app/otlp_signals.h"

#include <foreign/otlp_logs.pb.h>
#include <foreign/otlp_metrics.pb.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>
#include <set>

#include "telemetry/catalog.h"

namespace freshet::app {
namespace {

const TracedProcess kProcess{"abc", "1.2.3", "ingest"};

prometheus::MetricFamily histogram_of(const std::vector<uint64_t>& counts) {
  prometheus::MetricFamily family{"freshet_freshness_seconds", "Help.", prometheus::MetricType::Histogram, {}};
  prometheus::ClientMetric metric;
  metric.label = {{"tenant", "acme"}};
  uint64_t sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    const bool last = i + 1 == counts.size();
    metric.histogram.bucket.push_back({sum, last ? std::numeric_limits<double>::infinity() : static_cast<double>(i)});
  }
  metric.histogram.sample_count = sum;
  metric.histogram.sample_sum = 1.5;
  family.metric.push_back(metric);
  return family;
}

foreign::otlp::ResourceMetrics encoded_metrics(const std::vector<prometheus::MetricFamily>& families) {
  foreign::otlp::ExportMetricsRequest request;
  EXPECT_TRUE(request.ParseFromString(encode_metrics(kProcess, families, 5, 7)));
  return request.resource_metrics(0);
}

TEST(OtlpSignals, HaveTheirUnits) {
  prometheus::MetricFamily counter{"freshet_action_records_total", "Help.", prometheus::MetricType::Counter, {{}}};
  counter.metric[0].counter.value = 3;
  prometheus::MetricFamily gauge{"freshet_disk_free_bytes", "Help.", prometheus::MetricType::Gauge, {{}}};
  const auto ours = encoded_metrics({counter, gauge});
  EXPECT_EQ(ours.resource().attributes(1).value().string_value(), "abc");
  const auto& sum = ours.scope_metrics(0).metrics(0);
  EXPECT_EQ(sum.name() + " " + sum.unit(), "freshet_action_records {records}");
  EXPECT_TRUE(sum.sum().is_monotonic());
  EXPECT_EQ(sum.sum().data_points(0).as_double(), 3);
  EXPECT_EQ(sum.sum().data_points(0).start_time_unix_nano(), 5U);
  EXPECT_EQ(sum.sum().data_points(0).time_unix_nano(), 7U);
  const auto& disk = ours.scope_metrics(0).metrics(1);
  EXPECT_EQ(disk.name() + " " + disk.unit(), "freshet_disk_free_bytes By");
  EXPECT_TRUE(disk.has_gauge());
}

// Two metrics of one name in one scope are an error to a collector, and it keeps one of them.
TEST(OtlpSignals, NoTwoMetricsHaveOneName) {
  std::set<std::string> names;
  for (const telemetry::MetricEntry& metric : telemetry::metric_catalog())
    EXPECT_TRUE(names.insert(name_of_signal(metric.name)).second) << metric.name;
  EXPECT_TRUE(names.contains("freshet_overflow_waiting_bytes") && names.contains("freshet_overflow_waiting_seconds"));
}

// UCUM's words in braces have no blanks in them.
TEST(OtlpSignals, UnitsAreOfTheirCode) {
  for (const telemetry::MetricEntry& metric : telemetry::metric_catalog()) {
    prometheus::MetricFamily family{std::string(metric.name), "", prometheus::MetricType::Gauge, {{}}};
    const std::string unit = encoded_metrics({family}).scope_metrics(0).metrics(0).unit();
    EXPECT_EQ(unit.find(' '), std::string::npos) << metric.name;
    EXPECT_EQ(unit == "1", metric.unit == "ratio") << metric.name;
  }
}

TEST(OtlpSignals, BucketsCountWhatIsInThem) {
  ASSERT_TRUE(rc::check([] {
    const auto counts = *rc::gen::nonEmpty(rc::gen::container<std::vector<uint64_t>>(rc::gen::inRange<uint64_t>(0, 9)));
    const auto ours = encoded_metrics({histogram_of(counts)});
    const auto& point = ours.scope_metrics(0).metrics(0).histogram().data_points(0);
    RC_ASSERT(std::vector<uint64_t>(point.bucket_counts().begin(), point.bucket_counts().end()) == counts);
    RC_ASSERT(point.explicit_bounds_size() + 1 == point.bucket_counts_size());
    RC_ASSERT(point.attributes(0).value().string_value() == "acme");
  }));
}

TEST(OtlpSignals, LinesHaveTheirLevel) {
  foreign::otlp_logs::ExportLogsRequest request;
  ASSERT_TRUE(request.ParseFromString(encode_lines(kProcess, std::vector<telemetry::LogLine>{{9, 13, "careful"}})));
  const auto& record = request.resource_logs(0).scope_logs(0).log_records(0);
  EXPECT_EQ(record.severity_text() + " " + record.body().string_value(), "WARN careful");
  EXPECT_EQ(record.severity_number(), 13);
  EXPECT_EQ(record.time_unix_nano(), 9U);
  EXPECT_EQ(record.trace_id(), "");
  telemetry::LogLine traced{9, 13, "careful"};
  traced.trace_id.fill(7);
  ASSERT_TRUE(request.ParseFromString(encode_lines(kProcess, std::vector<telemetry::LogLine>{traced})));
  EXPECT_EQ(request.resource_logs(0).scope_logs(0).log_records(0).trace_id(), std::string(16, '\x07'));
}

}  // namespace
}  // namespace freshet::app
