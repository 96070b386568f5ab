// OpenMetrics' text (github.com/OpenObservability/OpenMetrics, 1.0). prometheus-cpp writes the older text only, and
// knows no exemplars: they come from the registry beside its families.
#include "telemetry/open_metrics.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/hash.h"
#include "telemetry/families.h"

namespace freshet::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr const char* kText = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kOpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

// A number is written so that no two writers differ in it: bounds are labels, and labels are names.
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"' || c == '\n') out += '\\';
    out += c == '\n' ? 'n' : c;
  }
  return out;
}

// `bound`: of a bucket, whose label comes last; "": it is none.
void write_labels(std::string& out, const std::vector<ClientMetric::Label>& labels, const std::string& bound) {
  if (labels.empty() && bound.empty()) return;
  out += '{';
  for (const ClientMetric::Label& label : labels)
    fmt::format_to(std::back_inserter(out), "{}=\"{}\",", label.name, escaped(label.value));
  if (bound.empty()) {
    out.pop_back();
  } else {
    fmt::format_to(std::back_inserter(out), "le=\"{}\"", bound);
  }
  out += '}';
}

void write_sample(std::string& out, std::string_view name, const std::vector<ClientMetric::Label>& labels,
                  const std::string& bound, const std::string& value) {
  out += name;
  write_labels(out, labels, bound);
  out.append(" ") += value;
}

// The time is that of the measurement: Prometheus keeps an exemplar once, however often it is scraped.
void write_exemplar(std::string& out, const Exemplar& exemplar) {
  const std::string_view id(reinterpret_cast<const char*>(exemplar.trace_id.data()), exemplar.trace_id.size());
  fmt::format_to(std::back_inserter(out), " # {{trace_id=\"{}\"}} {} {:.3f}", to_hex(id),
                 number(static_cast<double>(exemplar.value_us) / 1e6), static_cast<double>(exemplar.at_us) / 1e6);
}

void write_histogram(std::string& out, const std::string& name, const ClientMetric& metric,
                     const std::vector<Exemplar>* exemplars) {
  const std::string buckets = name + "_bucket";
  for (size_t i = 0; i < metric.histogram.bucket.size(); ++i) {
    const auto& bucket = metric.histogram.bucket[i];
    write_sample(out, buckets, metric.label, number(bucket.upper_bound), std::to_string(bucket.cumulative_count));
    const bool shown = exemplars != nullptr && i < exemplars->size() && (*exemplars)[i].at_us != 0;
    if (shown) write_exemplar(out, (*exemplars)[i]);
    out += '\n';
  }
  write_sample(out, name + "_count", metric.label, "", std::to_string(metric.histogram.sample_count));
  out += '\n';
  write_sample(out, name + "_sum", metric.label, "", number(metric.histogram.sample_sum));
  out += '\n';
}

// null: that series has none. What was added up as tenant="other" has none either, as its labels are nobody's.
const std::vector<Exemplar>* of_series(const Exemplars& all, const std::string& name, const ClientMetric& metric) {
  const auto family = all.find(name);
  if (family == all.end()) return nullptr;
  Labels labels;
  for (const ClientMetric::Label& label : metric.label) labels.emplace(label.name, label.value);
  const auto found = family->second.find(labels);
  return found == family->second.end() ? nullptr : &found->second;
}

// A counter's family has no _total, its sample has.
void write_family(std::string& out, const MetricFamily& family, const Exemplars& exemplars) {
  const bool counts = family.type == MetricType::Counter;
  std::string name = family.name;
  if (counts && name.ends_with("_total")) name.resize(name.size() - 6);
  const std::string_view type = counts ? "counter" : family.type == MetricType::Histogram ? "histogram" : "gauge";
  fmt::format_to(std::back_inserter(out), "# TYPE {} {}\n", name, type);
  for (const std::string_view unit : {"seconds", "bytes"})
    if (name.ends_with(fmt::format("_{}", unit))) fmt::format_to(std::back_inserter(out), "# UNIT {} {}\n", name, unit);
  if (!family.help.empty()) fmt::format_to(std::back_inserter(out), "# HELP {} {}\n", name, escaped(family.help));
  for (const ClientMetric& metric : family.metric) {
    if (family.type == MetricType::Histogram) {
      write_histogram(out, name, metric, of_series(exemplars, family.name, metric));
      continue;
    }
    write_sample(out, counts ? name + "_total" : name, metric.label, "",
                 number(counts ? metric.counter.value : metric.gauge.value));
    out += '\n';
  }
}

// How willingly the type is taken, 0 to 1; -1: it is not named.
double quality_of(std::string_view accept, std::string_view type) {
  double best = -1;
  while (!accept.empty()) {
    const size_t end = std::min(accept.find(','), accept.size());
    std::string_view one = accept.substr(0, end);
    accept.remove_prefix(std::min(end + 1, accept.size()));
    one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
    if (!one.starts_with(type)) continue;
    const std::string_view rest = one.substr(type.size());
    if (!rest.empty() && rest.front() != ';' && rest.front() != ' ') continue;
    const size_t at = rest.find("q=");
    best = std::max(best, at == std::string_view::npos ? 1.0 : std::atof(std::string(rest.substr(at + 2)).c_str()));
  }
  return best;
}

}  // namespace

bool wants_open_metrics(std::string_view accept) {
  const double ours = quality_of(accept, "application/openmetrics-text");
  return ours > 0 && ours >= quality_of(accept, "text/plain");
}

Exposition expose_metrics(std::string_view accept) {
  if (!wants_open_metrics(accept)) return {kText, render_prometheus()};
  return {kOpenMetrics, render_open_metrics(metric_families(), metric_exemplars())};
}

std::string render_open_metrics(std::span<const MetricFamily> families, const Exemplars& exemplars) {
  std::string out;
  for (const MetricFamily& family : families) write_family(out, family, exemplars);
  return out += "# EOF\n";
}

}  // namespace freshet::telemetry
