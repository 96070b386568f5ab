#include "fleet/watch/forecast.h"

#include <algorithm>

#include "base/saturated.h"

namespace freshet::fleet {
namespace {

constexpr size_t kLooksMin = 12;

struct Extreme {
  env::TimeUs at_us = 0;
  int64_t bytes = 0;
};
// The lowest and the highest of a part of the history; the later one of two that are the same.
struct Extremes {
  Extreme low, high;
};

Extremes extremes_of(const History& used, size_t row, size_t begin, size_t end) {
  const Extreme at_begin = {used.at_us(begin), used.value(begin, row)};
  Extremes out = {at_begin, at_begin};
  for (size_t i = begin; i < end; ++i) {
    const Extreme here = {used.at_us(i), used.value(i, row)};
    if (here.bytes <= out.low.bytes) out.low = here;
    if (here.bytes >= out.high.bytes) out.high = here;
  }
  return out;
}

double slope_per_s(const Extreme& from, const Extreme& to) {
  return static_cast<double>(saturated_difference(to.bytes, from.bytes)) * 1e6 /
         static_cast<double>(to.at_us - from.at_us);
}

}  // namespace

std::optional<double> seconds_to_full(const History& used, size_t row, int64_t total_bytes, env::TimeUs window_min_us) {
  const size_t columns = used.columns();
  size_t first = columns;
  while (first > 0 && used.value(first - 1, row) != kNoValue) --first;
  if (columns - first < kLooksMin || total_bytes <= 0) return std::nullopt;
  const env::TimeUs now_us = used.at_us(columns - 1);
  const env::TimeUs middle_us = used.at_us(first) + (now_us - used.at_us(first)) / 2;
  if (2 * (now_us - used.at_us(first)) < window_min_us) return std::nullopt;
  size_t middle = first + 1;
  while (used.at_us(middle) <= middle_us) ++middle;
  const Extremes before = extremes_of(used, row, first, middle);
  const Extremes after = extremes_of(used, row, middle, columns);
  const double per_s = std::min(slope_per_s(before.low, after.low), slope_per_s(before.high, after.high));
  if (per_s <= 0) return std::nullopt;
  const double high_now =
      static_cast<double>(after.high.bytes) + per_s * static_cast<double>(now_us - after.high.at_us) / 1e6;
  return std::max((static_cast<double>(total_bytes) - high_now) / per_s, 0.0);
}

}  // namespace freshet::fleet
