// Only differences of offsets and times matter here: no clock is read, and no rate is known that was not seen.
#include "fleet/watch/lag.h"

#include <algorithm>

namespace freshet::fleet {
namespace {

double seconds_between(env::TimeUs from_us, env::TimeUs to_us) { return static_cast<double>(to_us - from_us) / 1e6; }

// The first column that knows the row and all those after it do.
size_t first_known(const History& history, size_t row) {
  size_t first = history.columns();
  while (first > 0 && history.value(first - 1, row) != kNoValue) --first;
  return first;
}

}  // namespace

Waiting waiting_of(int64_t start, int64_t end, int64_t committed) {
  const int64_t from = std::max(start, committed);
  return {std::max<int64_t>(end - from, 0), std::max<int64_t>(start - committed, 0)};
}

Age age_of(const History& ends, size_t row, int64_t next) {
  const size_t columns = ends.columns();
  const size_t first = first_known(ends, row);
  if (first == columns) return {0, AgeBasis::kAtLeast};
  const size_t last = columns - 1;
  const env::TimeUs now_us = ends.at_us(last);
  if (ends.value(last, row) <= next) return {};
  // The last look at which the message was not there yet.
  size_t before = last;
  while (before > first && ends.value(before, row) > next) --before;
  const int64_t end = ends.value(before, row);
  if (end <= next) {
    const auto gap = static_cast<double>(ends.value(before + 1, row) - end);
    const double share = static_cast<double>(next - end) / gap;
    const double came = share * seconds_between(ends.at_us(before), ends.at_us(before + 1));
    return {seconds_between(ends.at_us(before), now_us) - came, AgeBasis::kMeasured};
  }
  // All that is known is younger than the message.
  const double known_s = seconds_between(ends.at_us(first), now_us);
  const auto grown = static_cast<double>(ends.value(last, row) - end);
  if (known_s <= 0 || grown <= 0) return {known_s, AgeBasis::kAtLeast};
  return {known_s + static_cast<double>(end - next) * known_s / grown, AgeBasis::kEstimated};
}

std::optional<double> seconds_to_catch_up(int64_t lag, double read_per_s, double in_per_s) {
  if (lag <= kLagAllowed) return 0;
  if (read_per_s <= in_per_s) return std::nullopt;
  return static_cast<double>(lag) / (read_per_s - in_per_s);
}

std::optional<double> seconds_to_retention(const History& starts, size_t row, int64_t committed, double read_per_s) {
  const size_t first = first_known(starts, row);
  size_t first_jump = 0;
  size_t last_jump = 0;
  for (size_t i = first + 1; i < starts.columns(); ++i) {
    if (starts.value(i, row) <= starts.value(i - 1, row)) continue;
    if (first_jump == 0) first_jump = i;
    last_jump = i;
  }
  if (last_jump == first_jump) return std::nullopt;
  const int64_t start = starts.value(last_jump, row);
  const double start_per_s = static_cast<double>(start - starts.value(first_jump, row)) /
                             seconds_between(starts.at_us(first_jump), starts.at_us(last_jump));
  if (start_per_s <= read_per_s) return std::nullopt;
  return static_cast<double>(std::max<int64_t>(committed - start, 0)) / (start_per_s - read_per_s);
}

}  // namespace freshet::fleet
