// Chance of a run, from its seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "env/clock.h"
#include "testing/dice.h"

namespace freshet::sim {

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
