// How long it takes from received_at until a profile can be read, for each tenant: over the last
// minute and since the start.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/clock.h"
#include "model/objective.h"
#include "telemetry/metrics.h"

namespace freshet::console {

inline constexpr const char* kFreshnessMetric = "freshet_freshness_us";
inline constexpr const char* kFreshnessHelp = "From received_at until the profile could be read.";

// What of a tenant waits before action, being over its rate: it can't be read yet, so the quantiles don't have it.
struct Waiting {
  uint64_t records = 0;
  uint64_t bytes = 0;
  env::TimeUs oldest_us = 0;  // received_at; 0: nothing waits
};

// Thread-safe.
class Freshness {
 public:
  // Follows this tenant from now on, if it does not yet.
  void track(const std::string& tenant, env::TimeUs monotonic_us);
  // Remembers where the histograms stand. Call it every few seconds; whoever reads calls it too.
  void sample(env::TimeUs monotonic_us);
  // Of these tenants the `most` whose 99th percentile of the last minute is the highest, that one first; those without
  // one come last, by name.
  [[nodiscard]] std::vector<std::string> slowest(std::vector<std::string> tenants, env::TimeUs monotonic_us,
                                                 size_t most);
  // The JSON is
  // {"tenant":…,"count":…,"p50_ms":…,"p99_ms":…,"p999_ms":…,"last_minute":{"seconds":…,"count":…,"p50_ms":…,…},
  //  "overflow":{"records":…,"bytes":…,"oldest_at":…},
  //  "objective":{"within_ms":…,"share":…,"over_seconds":…,"late":…,"late_last_minute":…}}.
  // Quantiles are null where there is nothing to count; `overflow` is null if this process does not know what waits.
  // The last minute of a tenant begins when it is tracked.
  [[nodiscard]] std::string json(const std::string& tenant, env::TimeUs monotonic_us,
                                 const std::optional<Waiting>& waiting,
                                 const model::Objective& objective = model::kUsualObjective);

 private:
  // Where a histogram stood at some time. Of ten thousand tenants most have few buckets that are not empty, and most
  // have nothing new.
  struct Sample {
    env::TimeUs at_us = 0;
    env::TimeUs until_us = 0;  // when it was last seen to stand there
    uint64_t count = 0;
    std::vector<std::pair<uint32_t, uint64_t>> filled;  // bucket, count
  };
  // A tenant's histogram, and its samples of about the last minute, the oldest first. One that would be like the one
  // before it lengthens that.
  struct OfTenant {
    telemetry::Histogram* histogram = nullptr;
    std::deque<Sample> samples;

    void take(env::TimeUs at_us);
    // When what recent() counts begins.
    [[nodiscard]] env::TimeUs recent_from(env::TimeUs now_us) const;
    // What `all` has more than the oldest sample.
    [[nodiscard]] std::vector<uint64_t> recent(std::vector<uint64_t> all) const;
  };

  OfTenant& tracked(const std::string& tenant, env::TimeUs monotonic_us);  // REQUIRES: the lock

  std::mutex mutex_;
  std::map<std::string, OfTenant> tenants_;
  env::TimeUs sampled_us_ = -1;
};

}  // namespace freshet::console
