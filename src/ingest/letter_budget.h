// How many dead letters a tenant may write: as much at once as its quota of kept letters, and that again each hour.
// What is beyond is counted by code and not kept, so garbage can't fill the way that all tenants' letters take. One
// node has one; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "env/clock.h"
#include "freshet/v1/event.pb.h"

namespace freshet::ingest {

// Longer than any item that a source takes. Of a longer body only the begin is kept: it can't be replayed.
inline constexpr size_t kLetterBodyBytesMax = 256u << 10;

class LetterBudget {
 public:
  LetterBudget(uint64_t letters, uint64_t bytes) : letters_(letters), bytes_(bytes) {}

  // Cuts bodies; puts one letter that only counts (DeadLetter::uncounted) in the place of those of a tenant and code
  // that are beyond the budget. The time is that of the letters.
  void apply(std::vector<v1::DeadLetter>& letters);

 private:
  struct Left {
    double letters = 0;
    double bytes = 0;
    env::TimeUs at_us = 0;
  };

  [[nodiscard]] bool take(const v1::DeadLetter& letter);

  const uint64_t letters_;
  const uint64_t bytes_;
  std::mutex mutex_;
  std::map<std::string, Left> left_;  // by tenant
};

}  // namespace freshet::ingest
