// Chance from a seed (splitmix64), so that a run replays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "env/clock.h"

namespace freshet::sim {

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // In [0, sides).
  size_t roll(size_t sides) { return static_cast<size_t>(next() % sides); }
  // In [low, high].
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(next() % static_cast<uint64_t>(high - low + 1));
  }
  bool one_in(size_t sides) { return roll(sides) == 0; }
  bool permille(uint32_t chance) { return chance > 0 && roll(1000) < chance; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[roll(from.size())];
  }
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[roll(i)]);
  }

 private:
  uint64_t state_;
};

// Stands still but for the scheduler, and for those who sleep.
class SimClock final : public env::Clock {
 public:
  env::TimeUs now_us() override { return now_; }
  env::TimeUs monotonic_us() override { return now_; }
  void sleep_us(env::TimeUs duration) override { now_ += duration; }

 private:
  env::TimeUs now_ = 1'750'000'000'000'000;  // in 2025
};

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
