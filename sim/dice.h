// Chance and time of a run, both from its seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/dice.h"
#include "env/clock.h"

namespace freshet::sim {

// A clock that stands still but for the scheduler, and for those who sleep: a run takes no time of
// its own.
class SimClock final : public env::Clock {
 public:
  env::TimeUs now_us() override { return now_; }
  env::TimeUs monotonic_us() override { return now_; }
  void sleep_us(env::TimeUs duration) override { now_ += duration; }

 private:
  env::TimeUs now_ = 1'750'000'000'000'000;  // some day in 2025
};

// Randomness for the product's code. It has dice of its own, so that what the product asks for does
// not move the scheduler's.
class SimRandom final : public env::Random {
 public:
  explicit SimRandom(uint64_t seed) : dice_(seed) {}
  std::string bytes(size_t n) override {
    std::string out(n, '\0');
    for (char& c : out) c = static_cast<char>(dice_.next());
    return out;
  }

 private:
  Dice dice_;
};

}  // namespace freshet::sim
