// OTLP's messages from our metrics and lines (opentelemetry-proto, metrics/v1 and logs/v1).
#include "app/otlp_signals.h"

#include <foreign/otlp_logs.pb.h>
#include <foreign/otlp_metrics.pb.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "telemetry/catalog.h"

namespace freshet::app {
namespace {

namespace otlp_metrics = foreign::otlp;
namespace otlp_lines = foreign::otlp_logs;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Of the process, as its spans have it.
std::array<std::pair<std::string_view, std::string_view>, 4> resource_of(const TracedProcess& process) {
  return {{{"service.name", "freshet"},
           {"service.instance.id", process.instance},
           {"service.version", process.version},
           {"freshet.roles", process.roles}}};
}

void add_attribute(otlp_metrics::KeyValue& out, std::string_view key, std::string_view value) {
  out.set_key(key.data(), key.size());
  int64_t number = 0;
  // The one that is a number, by the conventions.
  if (key == "http.response.status_code" &&
      std::from_chars(value.data(), value.data() + value.size(), number).ec == std::errc())
    return out.mutable_value()->set_int_value(number);
  out.mutable_value()->set_string_value(value.data(), value.size());
}

// UCUM: seconds and bytes have units of their own, what is counted has a name in braces, without blanks.
std::string unit_of(std::string_view shown) {
  const telemetry::MetricEntry* const known = telemetry::find_metric(shown);
  if (known == nullptr || known->unit == "ratio") return "1";
  if (known->unit.starts_with("seconds")) return "s";
  if (known->unit == "microseconds") return "us";
  if (known->unit == "bytes") return "By";
  std::string unit = "{" + std::string(known->unit) + "}";
  std::replace(unit.begin(), unit.end(), ' ', '_');
  return unit;
}

template <class Point>
void set_times(Point& point, const ClientMetric& metric, int64_t began_ns, int64_t now_ns) {
  point.set_start_time_unix_nano(static_cast<uint64_t>(began_ns));
  point.set_time_unix_nano(static_cast<uint64_t>(now_ns));
  for (const ClientMetric::Label& label : metric.label) add_attribute(*point.add_attributes(), label.name, label.value);
}

// Prometheus' buckets count all that is below them, OTLP's what is in them.
void set_histogram(const prometheus::ClientMetric::Histogram& from, otlp_metrics::HistogramPoint& to) {
  to.set_count(from.sample_count);
  to.set_sum(from.sample_sum);
  uint64_t below = 0;
  for (const auto& bucket : from.bucket) {
    to.add_bucket_counts(bucket.cumulative_count - below);
    below = bucket.cumulative_count;
    if (std::isfinite(bucket.upper_bound)) to.add_explicit_bounds(bucket.upper_bound);
  }
}

void set_metric(const MetricFamily& family, std::string_view name, std::string_view unit, int64_t began_ns,
                int64_t now_ns, otlp_metrics::Metric& out) {
  out.set_name(name.data(), name.size());
  out.set_description(family.help);
  out.set_unit(unit.data(), unit.size());
  for (const ClientMetric& metric : family.metric) {
    if (family.type == MetricType::Histogram) {
      out.mutable_histogram()->set_aggregation_temporality(otlp_metrics::TEMPORALITY_CUMULATIVE);
      otlp_metrics::HistogramPoint& point = *out.mutable_histogram()->add_data_points();
      set_times(point, metric, began_ns, now_ns);
      set_histogram(metric.histogram, point);
    } else if (family.type == MetricType::Counter) {
      out.mutable_sum()->set_aggregation_temporality(otlp_metrics::TEMPORALITY_CUMULATIVE);
      out.mutable_sum()->set_is_monotonic(true);
      otlp_metrics::NumberPoint& point = *out.mutable_sum()->add_data_points();
      set_times(point, metric, began_ns, now_ns);
      point.set_as_double(metric.counter.value);
    } else {
      otlp_metrics::NumberPoint& point = *out.mutable_gauge()->add_data_points();
      set_times(point, metric, began_ns, now_ns);
      point.set_as_double(metric.gauge.value);
    }
  }
}

}  // namespace

// The unit stays in the name: without it bytes and seconds of one thing would have the same.
std::string name_of_signal(std::string_view shown) {
  if (shown.ends_with("_total")) shown.remove_suffix(6);
  return std::string(shown);
}

std::string encode_metrics(const TracedProcess& process, std::span<const MetricFamily> families, int64_t began_ns,
                           int64_t now_ns) {
  otlp_metrics::ExportMetricsRequest request;
  otlp_metrics::ResourceMetrics& ours = *request.add_resource_metrics();
  for (const auto& [key, value] : resource_of(process))
    add_attribute(*ours.mutable_resource()->add_attributes(), key, value);
  otlp_metrics::ScopeMetrics& scope = *ours.add_scope_metrics();
  scope.mutable_scope()->set_name("freshet");
  scope.mutable_scope()->set_version(process.version);
  for (const MetricFamily& family : families)
    set_metric(family, name_of_signal(family.name), unit_of(family.name), began_ns, now_ns, *scope.add_metrics());
  for (const ConventionalMetric& metric : by_convention(families, process.facts))
    set_metric(metric.family, metric.family.name, metric.unit, began_ns, now_ns, *scope.add_metrics());
  return request.SerializeAsString();
}

std::string encode_lines(const TracedProcess& process, std::span<const telemetry::LogLine> lines) {
  constexpr std::array<std::string_view, 5> kSeverities = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};
  otlp_lines::ExportLogsRequest request;
  otlp_lines::ResourceLogs& ours = *request.add_resource_logs();
  for (const auto& [key, value] : resource_of(process)) {
    otlp_lines::KeyValue& attribute = *ours.mutable_resource()->add_attributes();
    attribute.set_key(std::string(key));
    attribute.mutable_value()->set_string_value(std::string(value));
  }
  otlp_lines::ScopeLogs& scope = *ours.add_scope_logs();
  scope.mutable_scope()->set_name("freshet");
  scope.mutable_scope()->set_version(process.version);
  for (const telemetry::LogLine& line : lines) {
    otlp_lines::LogRecord& record = *scope.add_log_records();
    record.set_time_unix_nano(static_cast<uint64_t>(std::max<int64_t>(line.time_ns, 0)));
    record.set_observed_time_unix_nano(record.time_unix_nano());
    record.set_severity_number(line.severity);
    record.set_severity_text(std::string(kSeverities[static_cast<size_t>(std::clamp(line.severity / 4, 0, 4))]));
    record.mutable_body()->set_string_value(line.text);
    if (line.trace_id != telemetry::TraceId{})
      record.set_trace_id(std::string(reinterpret_cast<const char*>(line.trace_id.data()), line.trace_id.size()));
  }
  return request.SerializeAsString();
}

}  // namespace freshet::app
