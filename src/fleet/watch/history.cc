// Columns are dropped whole, so that all rows share the times and thinning costs nothing for each of them.
#include "fleet/watch/history.h"

#include <utility>

#include "base/assert.h"

namespace freshet::fleet {
namespace {

constexpr size_t kNewestKept = 8;  // columns that are never thinned: verdicts look at them one by one

}  // namespace

void History::add(env::TimeUs at_us, std::vector<int64_t> values) {
  FRESHET_ASSERT(columns_.empty() || at_us > columns_.back().at_us);
  columns_.push_back({at_us, std::move(values)});
  while (columns_.size() > 2 && at_us - columns_[1].at_us > bounds_.age_max_us) columns_.erase(columns_.begin());
  if (columns_.size() > bounds_.columns_max) thin();
  FRESHET_ASSERT(columns_.size() <= bounds_.columns_max);
}

// The oldest column stays: it says how far back anything is known.
void History::thin() {
  FRESHET_ASSERT(bounds_.columns_max > kNewestKept + 1);
  const env::TimeUs now_us = columns_.back().at_us;
  size_t victim = 1;
  double closest = 0;
  for (size_t i = 1; i + kNewestKept < columns_.size(); ++i) {
    const auto gap = static_cast<double>(columns_[i + 1].at_us - columns_[i - 1].at_us);
    const double closeness = gap / static_cast<double>(now_us - columns_[i].at_us);
    if (i == 1 || closeness < closest) {
      victim = i;
      closest = closeness;
    }
  }
  columns_.erase(columns_.begin() + static_cast<std::ptrdiff_t>(victim));
}

void History::forget(size_t row) {
  for (Column& column : columns_)
    if (row < column.values.size()) column.values[row] = kNoValue;
}

std::optional<double> History::per_second(size_t row, env::TimeUs window_us) const {
  if (columns_.empty()) return std::nullopt;
  const size_t last = columns_.size() - 1;
  const int64_t now = value(last, row);
  size_t first = last;
  while (first > 0 && value(first - 1, row) != kNoValue && at_us(last) - at_us(first) < window_us) --first;
  if (now == kNoValue || first == last) return std::nullopt;
  return static_cast<double>(now - value(first, row)) * 1e6 / static_cast<double>(at_us(last) - at_us(first));
}

}  // namespace freshet::fleet
