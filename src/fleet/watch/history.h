// How numbers that are looked at together went on: one column for each look, one row for each number. Bounded: when
// there are too many columns, one goes whose neighbours are close together for their age. So the last minutes are
// known look by look, hours ago in steps of minutes, and a row costs eight bytes a column however long that was.
//
// For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "env/clock.h"

namespace freshet::fleet {

inline constexpr int64_t kNoValue = -1;

class History {
 public:
  struct Bounds {
    size_t columns_max = 64;
    env::TimeUs age_max_us = int64_t{26} * 3'600'000'000;  // older columns go
  };
  explicit History(Bounds bounds) : bounds_(bounds) {}

  // The values of now, by row; kNoValue where there is none. There may be more rows than before.
  // REQUIRES: at_us is above that of the last column
  void add(env::TimeUs at_us, std::vector<int64_t> values);
  // What was known of a row is of something else: a topic that was deleted and made anew.
  void forget(size_t row);

  [[nodiscard]] size_t columns() const { return columns_.size(); }  // oldest first
  [[nodiscard]] env::TimeUs at_us(size_t column) const { return columns_[column].at_us; }
  [[nodiscard]] int64_t value(size_t column, size_t row) const {
    const std::vector<int64_t>& values = columns_[column].values;
    return row < values.size() ? values[row] : kNoValue;
  }
  // How fast the row grew, a second, over about the last `window_us`, as far as it is known. nullopt: less than two
  // values are. Below 0: it shrank.
  [[nodiscard]] std::optional<double> per_second(size_t row, env::TimeUs window_us) const;

 private:
  struct Column {
    env::TimeUs at_us;
    std::vector<int64_t> values;
  };
  void thin();

  Bounds bounds_;
  std::vector<Column> columns_;
};

}  // namespace freshet::fleet
