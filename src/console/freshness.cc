// Histograms only ever grow, so the last minute is the difference between now and a sample that is
// a minute old.

#include "console/freshness.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>

#include "base/assert.h"
#include "base/json_writer.h"
#include "model/time.h"

namespace freshet::console {
namespace {

// More samples would make "the last minute" more exact, and cost memory for each tenant.
constexpr env::TimeUs kSampleEveryUs = 5'000'000;
constexpr env::TimeUs kIntervalUs = 60'000'000;

std::string ms_text(int64_t us) { return fmt::format("{}", static_cast<double>(us) / 1000); }

// The members for a histogram in µs: its count, and its quantiles if there are any.
void write_quantiles(JsonWriter& json, std::span<const uint64_t> buckets) {
  uint64_t count = 0;
  for (const uint64_t n : buckets) count += n;
  const auto quantile = [&](std::string_view name, double q) {
    json.key(name).raw(count == 0 ? "null" : ms_text(telemetry::Histogram::quantile_of(buckets, q)));
  };
  json.member("count", count);
  quantile("p50_ms", 0.5);
  quantile("p99_ms", 0.99);
  quantile("p999_ms", 0.999);
}

}  // namespace

void Freshness::OfTenant::take(env::TimeUs at_us) {
  Sample sample{at_us, at_us, 0, {}};
  const std::vector<uint64_t> buckets = histogram->buckets();
  for (uint32_t i = 0; i < buckets.size(); ++i) {
    sample.count += buckets[i];
    if (buckets[i] > 0) sample.filled.emplace_back(i, buckets[i]);
  }
  if (samples.empty() || samples.back().count != sample.count) {
    samples.push_back(std::move(sample));
  } else {
    samples.back().until_us = at_us;
  }
}

env::TimeUs Freshness::OfTenant::recent_from(env::TimeUs now_us) const {
  const Sample& oldest = samples.front();
  return std::max(oldest.at_us, std::min(oldest.until_us, now_us - kIntervalUs));
}

std::vector<uint64_t> Freshness::OfTenant::recent(std::vector<uint64_t> all) const {
  FRESHET_ASSERT(!samples.empty());
  for (const auto& [bucket, count] : samples.front().filled) {
    FRESHET_ASSERT(all[bucket] >= count);
    all[bucket] -= count;
  }
  return all;
}

Freshness::OfTenant& Freshness::tracked(const std::string& tenant, env::TimeUs monotonic_us) {
  OfTenant& entry = tenants_[tenant];
  if (entry.histogram == nullptr) {
    entry.histogram = &telemetry::histogram(kFreshnessMetric, kFreshnessHelp, {{"tenant", tenant}});
    entry.take(monotonic_us);
  }
  return entry;
}

void Freshness::track(const std::string& tenant, env::TimeUs monotonic_us) {
  const std::lock_guard lock(mutex_);
  tracked(tenant, monotonic_us);
}

void Freshness::sample(env::TimeUs monotonic_us) {
  const std::lock_guard lock(mutex_);
  if (sampled_us_ >= 0 && monotonic_us - sampled_us_ < kSampleEveryUs) return;
  sampled_us_ = monotonic_us;
  for (auto& [name, tenant] : tenants_) {
    tenant.take(monotonic_us);
    // One sample stays that is at least a minute old, or the difference would be over less than a
    // minute.
    while (tenant.samples.size() > 1 && monotonic_us - tenant.samples[1].at_us >= kIntervalUs)
      tenant.samples.pop_front();
  }
}

std::vector<std::string> Freshness::slowest(std::vector<std::string> tenants, env::TimeUs monotonic_us, size_t most) {
  sample(monotonic_us);
  std::vector<std::pair<int64_t, std::string>> order;  // -p99, so that the names of those that are alike ascend
  {
    const std::lock_guard lock(mutex_);
    for (std::string& tenant : tenants) {
      const OfTenant& entry = tracked(tenant, monotonic_us);
      order.emplace_back(-telemetry::Histogram::quantile_of(entry.recent(entry.histogram->buckets()), 0.99),
                         std::move(tenant));
    }
  }
  const size_t shown = std::min(most, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end());
  tenants.clear();
  for (size_t i = 0; i < shown; ++i) tenants.push_back(std::move(order[i].second));
  return tenants;
}

std::string Freshness::json(const std::string& tenant, env::TimeUs monotonic_us, const std::optional<Waiting>& waiting,
                            const model::Objective& objective) {
  sample(monotonic_us);
  const std::lock_guard lock(mutex_);
  const OfTenant& entry = tracked(tenant, monotonic_us);
  FRESHET_ASSERT(!entry.samples.empty());
  const std::vector<uint64_t> all = entry.histogram->buckets();
  const std::vector<uint64_t> recent = entry.recent(all);
  const env::TimeUs recent_us = monotonic_us - entry.recent_from(monotonic_us);
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("tenant", tenant);
  write_quantiles(json, all);
  json.key("last_minute").begin_object().member("seconds", recent_us / 1'000'000);
  write_quantiles(json, recent);
  json.end_object();
  json.key("overflow");
  if (waiting) {
    json.begin_object().member("records", waiting->records).member("bytes", waiting->bytes).key("oldest_at");
    waiting->oldest_us == 0 ? json.raw("null") : json.value(model::format_time(waiting->oldest_us));
    json.end_object();
  } else {
    json.raw("null");
  }
  json.key("objective").begin_object().key("within_ms").raw(ms_text(objective.within_us));
  json.key("share").raw(fmt::format("{}", objective.share)).member("over_seconds", objective.over_us / 1'000'000);
  json.member("late", telemetry::Histogram::count_above(all, objective.within_us));
  json.member("late_last_minute", telemetry::Histogram::count_above(recent, objective.within_us));
  json.end_object().end_object();
  return out;
}

}  // namespace freshet::console
