// Chance from a seed (splitmix64, Vigna), so that a run replays: for the simulator and for tests, never for secrets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace freshet {

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

}  // namespace freshet
