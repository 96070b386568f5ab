// The registry of metrics. Counting is a relaxed atomic addition, without a lock: a scrape may see
// one counter a moment older than another. prometheus-cpp only renders the text.

#include "telemetry/metrics.h"

#include <prometheus/check_names.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <mutex>
#include <variant>

#include "base/assert.h"
#include "telemetry/catalog.h"
#include "telemetry/families.h"
#include "telemetry/open_metrics.h"
#include "telemetry/tenant_series.h"

namespace freshet::telemetry {
namespace {

// 16 steps within a power of two: neighbours differ by at most 1/16.
constexpr size_t kSubBuckets = 16;
constexpr int kPowers = static_cast<int>(Histogram::kBuckets / kSubBuckets);
constexpr uint64_t kValueMax = (uint64_t{1} << kPowers) - 1;

size_t bucket_of(int64_t value_us) {
  const uint64_t v = value_us < 1 ? 1 : std::min(static_cast<uint64_t>(value_us), kValueMax);
  const auto power = static_cast<unsigned>(std::bit_width(v)) - 1;
  // Where the value lies within its power of two, in sixteenths.
  const uint64_t sub = ((v - (uint64_t{1} << power)) * kSubBuckets) >> power;
  const size_t bucket = power * kSubBuckets + static_cast<size_t>(sub);
  FRESHET_ASSERT(bucket < Histogram::kBuckets);
  return bucket;
}

// The smallest integer that is not below the bucket's lower bound, 2^power * (1 + sub / 16).
int64_t lower_bound_us(size_t bucket) {
  const uint64_t power = bucket / kSubBuckets;
  const uint64_t sub = bucket % kSubBuckets;
  return static_cast<int64_t>((((kSubBuckets + sub) << power) + kSubBuckets - 1) / kSubBuckets);
}

using Metric = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>>;

struct Family {
  std::string help;
  std::map<Labels, Metric> metrics;
};

struct Registry {
  std::mutex mutex;
  std::map<std::string, Family> families;
  TenantSeries tenants;
};

// It is never destroyed, because threads may count while the process ends.
Registry& registry() {
  static auto* instance = new Registry;
  return *instance;
}

template <class T>
T& find_or_make(const std::string& name, const std::string& help, const Labels& labels) {
  FRESHET_ASSERT(prometheus::CheckMetricName(name));
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  Family& family = all.families[name];
  if (family.metrics.empty()) family.help = help;
  auto [found, is_new] = family.metrics.try_emplace(labels, std::make_unique<T>());
  if (is_new) {
    for (const auto& label : labels) FRESHET_ASSERT(prometheus::CheckLabelName(label.first));
    // All metrics of a name are of one type, or Prometheus would refuse the whole page.
    FRESHET_ASSERT(family.metrics.begin()->second.index() == found->second.index());
  }
  auto* metric = std::get_if<std::unique_ptr<T>>(&found->second);
  FRESHET_ASSERT(metric != nullptr);
  return **metric;
}

// All but the last, which has no bound.
const std::vector<double>& shown_bounds_us() {
  static const std::vector<double> bounds = [] {
    std::vector<double> out;
    for (int exponent = -5; exponent <= 4; ++exponent)
      for (const double step : {1.0, 2.5, 5.0}) out.push_back(std::round(step * std::pow(10.0, exponent) * 1e6));
    FRESHET_ASSERT(out.size() + 1 == kShownBuckets);
    return out;
  }();
  return bounds;
}

prometheus::ClientMetric::Histogram expose(const Histogram& histogram) {
  const std::vector<uint64_t> buckets = histogram.buckets();
  prometheus::ClientMetric::Histogram out;
  size_t next = 0;
  uint64_t sum = 0;
  for (const double bound_us : shown_bounds_us()) {
    // A bucket that the bound divides counts above it, so what is shown is never better than it was.
    while (next < buckets.size() && static_cast<double>(Histogram::upper_bound_us(next)) <= bound_us)
      sum += buckets[next++];
    out.bucket.push_back({sum, bound_us / 1e6});
  }
  while (next < buckets.size()) sum += buckets[next++];
  FRESHET_ASSERT(next == buckets.size());  // every value is below the last bound
  out.bucket.push_back({sum, std::numeric_limits<double>::infinity()});
  out.sample_count = sum;
  out.sample_sum = histogram.sum_us() / 1e6;
  return out;
}

// Prometheus wants base units: seconds.
std::string exposed_name(const std::string& name, prometheus::MetricType type) {
  if (type != prometheus::MetricType::Histogram || !name.ends_with("_us")) return name;
  return name.substr(0, name.size() - 3) + "_seconds";
}

prometheus::MetricFamily expose(const std::string& name, const Family& family) {
  constexpr prometheus::MetricType kTypes[] = {prometheus::MetricType::Counter, prometheus::MetricType::Gauge,
                                               prometheus::MetricType::Histogram};
  prometheus::MetricFamily out;
  out.type = kTypes[family.metrics.begin()->second.index()];
  out.name = exposed_name(name, out.type);
  const MetricEntry* const known = find_metric(out.name);
  out.help = known == nullptr ? family.help : std::string(known->help);
  for (const auto& [labels, metric] : family.metrics) {
    prometheus::ClientMetric& one = out.metric.emplace_back();
    for (const auto& [label, value] : labels) one.label.push_back({label, value});
    if (const auto* c = std::get_if<std::unique_ptr<Counter>>(&metric))
      one.counter.value = static_cast<double>((*c)->value());
    if (const auto* g = std::get_if<std::unique_ptr<Gauge>>(&metric)) one.gauge.value = (*g)->value();
    if (const auto* h = std::get_if<std::unique_ptr<Histogram>>(&metric)) one.histogram = expose(**h);
  }
  return out;
}

}  // namespace

void Histogram::record(int64_t value_us, uint64_t times) {
  // No more than its bucket says: one record with the time of another age would move the sum for ever.
  const uint64_t counted = std::min(static_cast<uint64_t>(std::max<int64_t>(value_us, 0)), kValueMax);
  buckets_[bucket_of(value_us)].fetch_add(times, std::memory_order_relaxed);
  sum_us_.fetch_add(static_cast<int64_t>(counted * times), std::memory_order_relaxed);
}

int64_t Histogram::quantile(double q) const { return quantile_of(buckets(), q); }

uint64_t Histogram::count() const {
  uint64_t sum = 0;
  for (const auto& bucket : buckets_) sum += bucket.load(std::memory_order_relaxed);
  return sum;
}

double Histogram::sum_us() const { return static_cast<double>(sum_us_.load(std::memory_order_relaxed)); }

std::vector<uint64_t> Histogram::buckets() const {
  std::vector<uint64_t> out(kBuckets);
  for (size_t i = 0; i < kBuckets; ++i) out[i] = buckets_[i].load(std::memory_order_relaxed);
  return out;
}

int64_t Histogram::upper_bound_us(size_t bucket) { return lower_bound_us(bucket + 1) - 1; }

uint64_t Histogram::count_above(std::span<const uint64_t> buckets, int64_t bound_us) {
  uint64_t sum = 0;
  for (size_t i = 0; i < buckets.size(); ++i)
    if (upper_bound_us(i) > bound_us) sum += buckets[i];
  return sum;
}

int64_t Histogram::quantile_of(std::span<const uint64_t> buckets, double q) {
  uint64_t count = 0;
  for (const uint64_t n : buckets) count += n;
  if (count == 0) return 0;
  const auto rank = static_cast<uint64_t>(std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count)));
  uint64_t below = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    below += buckets[i];
    // The middle of the bucket is at most 1/32 away from anything in it.
    if (buckets[i] > 0 && below >= std::min(rank, count)) {
      return lower_bound_us(i) + std::max<int64_t>(upper_bound_us(i) - lower_bound_us(i), 0) / 2;
    }
  }
  return 0;
}

Counter& counter(const std::string& name, const std::string& help, const Labels& labels) {
  return find_or_make<Counter>(name, help, labels);
}
Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return find_or_make<Gauge>(name, help, labels);
}
Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels) {
  return find_or_make<Histogram>(name, help, labels);
}

namespace {

// Calls visit(labels, value) for each counter of this name.
template <class Visit>
void each_counter(const std::string& name, const Visit& visit) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  const auto family = all.families.find(name);
  if (family == all.families.end()) return;
  for (const auto& [labels, metric] : family->second.metrics)
    if (const auto* found = std::get_if<std::unique_ptr<Counter>>(&metric)) visit(labels, (*found)->value());
}

}  // namespace

uint64_t counter_total(const std::string& name) {
  uint64_t total = 0;
  each_counter(name, [&](const Labels&, uint64_t value) { total += value; });
  return total;
}

std::map<std::string, uint64_t> counter_totals(const std::string& name, const std::string& label) {
  std::map<std::string, uint64_t> totals;
  each_counter(name, [&](const Labels& labels, uint64_t value) {
    if (const auto at = labels.find(label); at != labels.end() && value > 0) totals[at->second] += value;
  });
  return totals;
}

namespace {

// REQUIRES: the lock is held.
std::vector<prometheus::MetricFamily> all_families(const Registry& all) {
  std::vector<prometheus::MetricFamily> families;
  families.reserve(all.families.size());
  for (const auto& [name, family] : all.families) families.push_back(expose(name, family));
  return families;
}

}  // namespace

// The lock is held for copying the numbers only; the text is made without it.
std::vector<prometheus::MetricFamily> metric_families() {
  std::vector<prometheus::MetricFamily> families;
  Registry& all = registry();
  {
    const std::lock_guard lock(all.mutex);
    families = all_families(all);
    all.tenants.bound(families);
  }
  return families;
}

void rank_tenants() {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.tenants.rank(all_families(all));
}

namespace {

// Beside the histograms, as most of them never have any.
struct Kept {
  std::mutex mutex;
  std::map<const Histogram*, std::array<Exemplar, kShownBuckets>> of;
};

// It is never destroyed, because threads may count while the process ends.
Kept& kept() {
  static auto* instance = new Kept;
  return *instance;
}

}  // namespace

// It lies in the bucket in which the value is counted: the first whose bound has all of the value's own bucket below
// it.
void exemplify(const Histogram& counted, int64_t value_us, const TraceId& trace_id, int64_t at_us) {
  const auto& bounds = shown_bounds_us();
  const auto own_end = static_cast<double>(Histogram::upper_bound_us(bucket_of(value_us)));
  const auto at = std::lower_bound(bounds.begin(), bounds.end(), own_end);
  Kept& all = kept();
  const std::lock_guard lock(all.mutex);
  all.of[&counted][static_cast<size_t>(at - bounds.begin())] = {trace_id, std::max<int64_t>(value_us, 0), at_us};
}

std::vector<Exemplar> exemplars_of(const Histogram& counted) {
  Kept& all = kept();
  const std::lock_guard lock(all.mutex);
  const auto found = all.of.find(&counted);
  if (found == all.of.end()) return {};
  return {found->second.begin(), found->second.end()};
}

Exemplars metric_exemplars() {
  Exemplars out;
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  for (const auto& [name, family] : all.families) {
    for (const auto& [labels, metric] : family.metrics) {
      const auto* histogram_of = std::get_if<std::unique_ptr<Histogram>>(&metric);
      if (histogram_of == nullptr) continue;
      auto of_one = exemplars_of(**histogram_of);
      if (!of_one.empty()) out[exposed_name(name, prometheus::MetricType::Histogram)][labels] = std::move(of_one);
    }
  }
  return out;
}

std::string render_prometheus() { return prometheus::TextSerializer().Serialize(metric_families()); }

}  // namespace freshet::telemetry
