// Arithmetic with numbers that somebody else says, such as the time of a record or the setting of a topic. Beyond what
// 64 bits hold it stays at their end, where an overflow would be undefined, and a time without end one long past.
#pragma once

#include <cstdint>
#include <limits>

namespace freshet {

[[nodiscard]] constexpr int64_t saturated_sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

[[nodiscard]] constexpr int64_t saturated_difference(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return a < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

[[nodiscard]] constexpr int64_t us_of_ms(int64_t ms) {
  int64_t us = 0;
  if (!__builtin_mul_overflow(ms, int64_t{1000}, &us)) return us;
  return ms < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

// Rounds down for times before 1970, too, so that order is kept.
[[nodiscard]] constexpr int64_t ms_of_us(int64_t us) { return us / 1000 - (us % 1000 < 0 ? 1 : 0); }

// How far it is from 0: that of the least number, which has no opposite, is the most.
[[nodiscard]] constexpr int64_t magnitude(int64_t number) {
  return number < 0 ? saturated_difference(0, number) : number;
}

// What is behind the point is cut off; 0 of what is no number.
[[nodiscard]] constexpr int64_t whole_number(double number) {
  constexpr double kEnd = 9'223'372'036'854'775'808.0;  // the first that is too large
  if (number >= kEnd) return std::numeric_limits<int64_t>::max();
  if (number < -kEnd) return std::numeric_limits<int64_t>::min();
  return number == number ? static_cast<int64_t>(number) : 0;
}

}  // namespace freshet
