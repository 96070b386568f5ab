// Randomness that is the same in every run: hashes of 0, 1, 2, … Thread-safe.
#pragma once

#include <atomic>
#include <string>

#include "base/hash.h"
#include "env/clock.h"

namespace freshet::env {

class CountingRandom final : public Random {
 public:
  std::string bytes(size_t n) override {
    std::string out;
    while (out.size() < n) out += hash128(std::to_string(next_++)).view();
    return out.substr(0, n);
  }

 private:
  std::atomic<int> next_{0};
};

}  // namespace freshet::env
