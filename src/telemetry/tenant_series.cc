#include "telemetry/tenant_series.h"

#include <algorithm>
#include <map>
#include <utility>

#include "telemetry/canary.h"

namespace freshet::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kTenant = "tenant";

ClientMetric::Label* tenant_of(ClientMetric& metric) {
  for (ClientMetric::Label& label : metric.label)
    if (label.name == kTenant) return &label;
  return nullptr;
}

// How busy each tenant was: all that was counted of it.
std::map<std::string, double> counts_of(std::vector<MetricFamily>& families) {
  std::map<std::string, double> counts;
  for (MetricFamily& family : families) {
    for (ClientMetric& metric : family.metric) {
      const ClientMetric::Label* const tenant = tenant_of(metric);
      if (tenant == nullptr) continue;
      double& count = counts[tenant->value];
      if (family.type == MetricType::Counter) count += metric.counter.value;
      if (family.type == MetricType::Histogram) count += static_cast<double>(metric.histogram.sample_count);
    }
  }
  return counts;
}

void fill(std::set<std::string>& shown, const std::map<std::string, double>& counts, size_t most) {
  std::vector<std::pair<double, std::string>> others;
  for (const auto& [tenant, count] : counts)
    if (!shown.contains(tenant) && tenant != kOtherTenants) others.emplace_back(-count, tenant);
  std::sort(others.begin(), others.end());
  for (size_t i = 0; i < others.size() && shown.size() < most; ++i) shown.insert(others[i].second);
}

// All buckets of one family have the same bounds.
void add(const MetricFamily& family, const ClientMetric& from, ClientMetric& to) {
  const bool is_age = family.type == MetricType::Gauge && family.name.ends_with("_seconds");
  to.counter.value += from.counter.value;
  to.gauge.value = is_age ? std::max(to.gauge.value, from.gauge.value) : to.gauge.value + from.gauge.value;
  to.histogram.sample_count += from.histogram.sample_count;
  to.histogram.sample_sum += from.histogram.sample_sum;
  for (size_t i = 0; i < to.histogram.bucket.size() && i < from.histogram.bucket.size(); ++i)
    to.histogram.bucket[i].cumulative_count += from.histogram.bucket[i].cumulative_count;
}

void gather_others(MetricFamily& family, const std::set<std::string>& shown) {
  std::vector<ClientMetric> kept;
  std::map<std::vector<ClientMetric::Label>, size_t> others;  // by their labels, where they are in `kept`
  for (ClientMetric& metric : family.metric) {
    ClientMetric::Label* const tenant = tenant_of(metric);
    if (tenant == nullptr || shown.contains(tenant->value)) {
      kept.push_back(std::move(metric));
      continue;
    }
    tenant->value = kOtherTenants;
    const auto [at, is_new] = others.try_emplace(metric.label, kept.size());
    if (is_new) {
      kept.push_back(std::move(metric));
    } else {
      add(family, metric, kept[at->second]);
    }
  }
  family.metric = std::move(kept);
}

}  // namespace

void bound_tenants(std::vector<MetricFamily>& families, std::set<std::string>& shown, size_t most) {
  const std::map<std::string, double> counts = counts_of(families);
  if (counts.size() <= most && shown.empty()) return;
  if (counts.contains(kCanaryTenant)) shown.insert(kCanaryTenant);
  fill(shown, counts, most);
  for (MetricFamily& family : families) gather_others(family, shown);
}

}  // namespace freshet::telemetry
