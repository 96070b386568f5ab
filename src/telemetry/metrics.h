// Metrics, in Prometheus' text format. A metric is declared once, beside the code that counts, and
// kept by reference, and described in catalog.cc, whose words are shown in place of those here:
//   static Counter& rejected = counter("freshet_ingest_rejected_total", "Items refused.", {{"code", "too_long"}});
// Names are freshet_<module>_<what>_<unit>, and those of counters end in _total. Label values must
// come from a bounded set (tenants, reasons). All calls are thread-safe; count in batches where there
// are batches.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace freshet::telemetry {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  void add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double v) { value_.store(v, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Log-linear buckets, 16 for each power of two, so that quantiles are within 4 %. The unit is the
// microsecond, from 1 to 2^36.
class Histogram {
 public:
  static constexpr size_t kBuckets = 37 * 16;
  // Larger and smaller values count in the outermost buckets.
  void record(int64_t value_us, uint64_t times = 1);
  // Of everything since the start; 0 if nothing was recorded.
  [[nodiscard]] int64_t quantile(double q) const;
  [[nodiscard]] uint64_t count() const;
  [[nodiscard]] double sum_us() const;
  // For the quantiles of an interval: subtract the buckets at its beginning from those at its end.
  [[nodiscard]] std::vector<uint64_t> buckets() const;
  [[nodiscard]] static int64_t upper_bound_us(size_t bucket);
  [[nodiscard]] static int64_t quantile_of(std::span<const uint64_t> buckets, double q);
  // Those that may be above the bound: a bucket that it divides counts, so no answer is better than it was.
  [[nodiscard]] static uint64_t count_above(std::span<const uint64_t> buckets, int64_t bound_us);

 private:
  std::atomic<uint64_t> buckets_[kBuckets] = {};
  std::atomic<int64_t> sum_us_{0};
};

// Finds or makes the metric. The reference stays valid for ever; the `help` of the first call
// counts. A name belongs to one type of metric.
[[nodiscard]] Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
[[nodiscard]] Gauge& gauge(const std::string& name, const std::string& help, const Labels& labels = {});
[[nodiscard]] Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {});

// The sum of all counters of this name, whatever their labels are; 0 if there are none.
[[nodiscard]] uint64_t counter_total(const std::string& name);
// The counters of this name, added up by the value of one label; those that are 0 are left out.
[[nodiscard]] std::map<std::string, uint64_t> counter_totals(const std::string& name, const std::string& label);

// The whole registry in Prometheus' text format, with names for kTenantsShown tenants (tenant_series.h). Histograms are
// shown as cumulative buckets at 1, 2.5 and 5 × 10^n seconds, under a name that ends in _seconds where ours ends in
// _us.
[[nodiscard]] std::string render_prometheus();
// Of more tenants than that those get names who were busiest since the last call (tenant_series.h). Call it now and
// then: every change makes new series.
void rank_tenants();

}  // namespace freshet::telemetry
