// One measurement of a histogram with the trace that it belongs to, so that whoever sees a slow bucket finds a request
// that fell into it (OpenMetrics 1.0, "Exemplars").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace freshet::telemetry {

using TraceId = std::array<unsigned char, 16>;

struct Exemplar {
  TraceId trace_id{};
  int64_t value_us = 0;
  int64_t at_us = 0;  // since 1970; 0: there is none
};

class Histogram;

// The buckets that are shown of each histogram: up to 1, 2.5 and 5 × 10^n seconds, and one for what is above.
inline constexpr size_t kShownBuckets = 31;
// Says which trace a value belongs to that was recorded; the last one of each shown bucket is kept. It takes a lock of
// all histograms, so it is for what is sampled. REQUIRES: a histogram of the registry.
void exemplify(const Histogram& counted, int64_t value_us, const TraceId& trace_id, int64_t at_us);
// By shown bucket; empty: there are none.
[[nodiscard]] std::vector<Exemplar> exemplars_of(const Histogram& counted);

}  // namespace freshet::telemetry
