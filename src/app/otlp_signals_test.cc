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

const foreign::otlp::Metric* find_metric(const foreign::otlp::ResourceMetrics& in, const std::string& name) {
  for (const auto& metric : in.scope_metrics(0).metrics())
    if (metric.name() == name) return &metric;
  return nullptr;
}

template <class Point>
std::string attributes_of(const Point& point) {
  std::string out;
  for (const auto& one : point.attributes())
    out += one.key() + "=" +
           (one.value().has_int_value() ? "#" + std::to_string(one.value().int_value()) : one.value().string_value()) +
           " ";
  return out;
}

// Who has a dashboard for these names should need no other.
TEST(OtlpSignals, HaveTheNamesOfTheSemanticConventionsToo) {
  prometheus::MetricFamily requests = histogram_of({3, 4});
  requests.name = "freshet_ingest_request_seconds";
  requests.metric[0].label = {{"endpoint", "/v1/batch"}, {"method", "POST"}, {"status", "503"}};
  prometheus::MetricFamily actions{"freshet_action_records_total", "", prometheus::MetricType::Counter, {{}, {}}};
  actions.metric[0].label = {{"worker", "0"}};
  actions.metric[0].counter.value = 3;
  actions.metric[1].label = {{"worker", "1"}};
  actions.metric[1].counter.value = 4;
  prometheus::MetricFamily changes{"freshet_reaction_changes_total", "", prometheus::MetricType::Counter, {{}}};
  prometheus::MetricFamily bulks = histogram_of({1, 2});
  bulks.name = "freshet_docstore_bulk_seconds";
  bulks.metric.push_back(bulks.metric[0]);
  TracedProcess process = kProcess;
  process.facts = {{"kafka", "freshet.", "mongodb"}, "https"};
  foreign::otlp::ExportMetricsRequest request;
  const std::vector<prometheus::MetricFamily> families = {requests, actions, changes, bulks};
  ASSERT_TRUE(request.ParseFromString(encode_metrics(process, families, 5, 7)));
  const auto& ours = request.resource_metrics(0);
  EXPECT_NE(find_metric(ours, "freshet_ingest_request_seconds"), nullptr) << "ours stay";
  const auto* http = find_metric(ours, "http.server.request.duration");
  ASSERT_NE(http, nullptr);
  EXPECT_EQ(http->unit(), "s");
  EXPECT_EQ(http->histogram().data_points(0).count(), 7U);
  EXPECT_EQ(attributes_of(http->histogram().data_points(0)),
            "url.scheme=https http.route=/v1/batch http.request.method=POST http.response.status_code=#503 "
            "error.type=503 ");
  const auto* consumed = find_metric(ours, "messaging.client.consumed.messages");
  ASSERT_NE(consumed, nullptr);
  EXPECT_EQ(consumed->unit(), "{message}");
  ASSERT_EQ(consumed->sum().data_points_size(), 2) << "of actions and of changes";
  EXPECT_EQ(consumed->sum().data_points(0).as_double(), 7) << "workers are no attribute there";
  EXPECT_EQ(attributes_of(consumed->sum().data_points(1)),
            "messaging.system=kafka messaging.destination.name=freshet.changes messaging.operation.name=poll "
            "messaging.operation.type=receive ");
  const auto* db = find_metric(ours, "db.client.operation.duration");
  ASSERT_NE(db, nullptr);
  ASSERT_EQ(db->histogram().data_points_size(), 1);
  EXPECT_EQ(db->histogram().data_points(0).bucket_counts(1), 4U);
  EXPECT_EQ(attributes_of(db->histogram().data_points(0)), "db.system.name=mongodb db.operation.name=bulkWrite ");
  EXPECT_EQ(find_metric(ours, "messaging.client.operation.duration"), nullptr) << "nothing was committed";
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
