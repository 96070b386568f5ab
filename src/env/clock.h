// Time and randomness. Nothing else in Freshet reads a clock or a random source (tools/tidy bans
// the raw calls), so that the simulator can stand in for both.
#pragma once

#include <cstdint>
#include <string>

namespace freshet::env {

// Microseconds since 1970-01-01T00:00:00Z.
using TimeUs = int64_t;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // The wall clock. It may jump in both directions, so it says when something happened and never how long it took. Not
  // below 0, which also stands for any time before 1970.
  [[nodiscard]] virtual TimeUs now_us() = 0;
  // Never goes back; it is for durations and deadlines.
  [[nodiscard]] virtual TimeUs monotonic_us() = 0;
  virtual void sleep_us(TimeUs duration) = 0;
};

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  // Exactly `n` bytes.
  [[nodiscard]] virtual std::string bytes(size_t n) = 0;
};

[[nodiscard]] Clock& real_clock();
[[nodiscard]] Random& real_random();  // from the operating system

}  // namespace freshet::env
