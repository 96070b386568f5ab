#include "telemetry/tenant_series.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "telemetry/canary.h"

namespace freshet::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric::Label* find_label(ClientMetric& metric, std::string_view name) {
  for (ClientMetric::Label& label : metric.label)
    if (label.name == name) return &label;
  return nullptr;
}
const ClientMetric::Label* find_label(const ClientMetric& metric, std::string_view name) {
  return find_label(const_cast<ClientMetric&>(metric), name);
}

// What grows with records, and not with what they cost or what an objective makes of them.
bool counts_traffic(std::string_view name) {
  return !name.ends_with("_microseconds_total") && !name.ends_with("_millionths_total");
}

// How busy each tenant was: all that was counted of it.
std::map<std::string, double> counts_of(const std::vector<MetricFamily>& families) {
  std::map<std::string, double> counts;
  for (const MetricFamily& family : families) {
    for (const ClientMetric& metric : family.metric) {
      const ClientMetric::Label* const tenant = find_label(metric, "tenant");
      if (tenant == nullptr) continue;
      double& count = counts[tenant->value];
      if (!counts_traffic(family.name)) continue;
      if (family.type == MetricType::Counter) count += metric.counter.value;
      if (family.type == MetricType::Histogram) count += static_cast<double>(metric.histogram.sample_count);
    }
  }
  return counts;
}

double gathered(std::string_view name, double one, double other) {
  for (const std::string_view worst : {"_seconds", "_ratio", "_open"})
    if (name.ends_with(worst)) return std::max(one, other);
  return name.ends_with("_up") ? std::min(one, other) : one + other;
}

// All buckets of one family have the same bounds.
void add(const MetricFamily& family, const ClientMetric& from, ClientMetric& to) {
  to.counter.value += from.counter.value;
  to.gauge.value = gathered(family.name, to.gauge.value, from.gauge.value);
  to.histogram.sample_count += from.histogram.sample_count;
  to.histogram.sample_sum += from.histogram.sample_sum;
  for (size_t i = 0; i < to.histogram.bucket.size() && i < from.histogram.bucket.size(); ++i)
    to.histogram.bucket[i].cumulative_count += from.histogram.bucket[i].cumulative_count;
}

void subtract(const ClientMetric& what, ClientMetric& from) {
  from.counter.value -= what.counter.value;
  from.histogram.sample_count -= what.histogram.sample_count;
  from.histogram.sample_sum -= what.histogram.sample_sum;
  for (size_t i = 0; i < from.histogram.bucket.size() && i < what.histogram.bucket.size(); ++i)
    from.histogram.bucket[i].cumulative_count -= what.histogram.bucket[i].cumulative_count;
}

}  // namespace

void TenantSeries::fill(const Counts& counts) {
  std::vector<std::pair<double, std::string>> all;
  for (const auto& [tenant, count] : counts)
    if (tenant != kOthers && tenant != kCanaryTenant) all.emplace_back(-count, tenant);
  std::sort(all.begin(), all.end());
  for (size_t i = 0; i < all.size() && i < most_; ++i) named_.insert(all[i].second);
  named_.insert(kCanaryTenant);
}

bool TenantSeries::is_named_sink(const std::string& tenant, const std::string& sink) {
  std::set<std::string>& known = sinks_[tenant];
  if (known.size() < kSinksShown) known.insert(sink);
  return known.contains(sink);
}

void TenantSeries::gather(MetricFamily& family) {
  std::vector<ClientMetric> kept;
  std::map<Labels, ClientMetric> others;
  const auto add_to_others = [&](ClientMetric metric) {
    const auto [at, is_new] = others.try_emplace(metric.label, metric);
    if (!is_new) add(family, metric, at->second);
  };
  for (ClientMetric& metric : family.metric) {
    ClientMetric::Label* const tenant = find_label(metric, "tenant");
    if (tenant == nullptr) {
      kept.push_back(std::move(metric));
      continue;
    }
    std::optional<ClientMetric> rest;
    if (const auto found = elsewhere_.find({family.name, metric.label}); found != elsewhere_.end()) {
      rest = found->second;
      subtract(*rest, metric);
    }
    const bool named = is_named(tenant->value);
    ClientMetric::Label* const sink = find_label(metric, "sink");
    const bool sink_named = sink == nullptr || (named && is_named_sink(tenant->value, sink->value));
    if (!named) tenant->value = kOthers;
    if (!sink_named) sink->value = kOthers;
    if (named && rest) {
      rest->label = metric.label;
      for (const char* label : {"tenant", "sink"})
        if (ClientMetric::Label* const at = find_label(*rest, label)) at->value = kOthers;
      add_to_others(std::move(*rest));
    }
    if (named && sink_named) {
      kept.push_back(std::move(metric));
    } else {
      add_to_others(std::move(metric));
    }
  }
  for (auto& [labels, metric] : others) kept.push_back(std::move(metric));
  family.metric = std::move(kept);
}

void TenantSeries::bound(std::vector<MetricFamily>& families) {
  if (named_.empty()) {
    const Counts counts = counts_of(families);
    if (counts.size() > most_) fill(counts);
  }
  for (MetricFamily& family : families) gather(family);
}

void TenantSeries::rank(const std::vector<MetricFamily>& families) {
  const Counts counts = counts_of(families);
  const Counts before = std::exchange(ranked_, counts);
  if (named_.empty()) return;  // All have names, and nobody's place is short.
  Counts growth = counts;
  for (auto& [tenant, count] : growth) {
    if (const auto found = before.find(tenant); found != before.end()) count -= found->second;
    // Half of one: of two who were idle the one keeps its name.
    if (named_.contains(tenant)) count = 2 * count + 0.5;
  }
  const std::set<std::string> were = std::exchange(named_, {});
  fill(growth);
  for (const MetricFamily& family : families) {
    if (family.type == MetricType::Gauge) continue;
    for (const ClientMetric& metric : family.metric) {
      const ClientMetric::Label* const tenant = find_label(metric, "tenant");
      if (tenant == nullptr || were.contains(tenant->value) == named_.contains(tenant->value)) continue;
      // All of it, less what was counted elsewhere so far, was counted where it was until now.
      ClientMetric here = metric;
      ClientMetric& elsewhere = elsewhere_[{family.name, metric.label}];
      subtract(elsewhere, here);
      elsewhere = std::move(here);
    }
  }
  std::erase_if(sinks_, [this](const auto& of) { return !named_.contains(of.first); });
}

}  // namespace freshet::telemetry
