// What the drain has moved from `overflow` to `actions`, beside what was there to move.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker.h"

namespace freshet::sim {

class MovedRecords {
 public:
  // A transaction of the drain takes effect.
  void add(const eventlog::Transaction& transaction);
  // At the end: each record of `overflow` was moved once, and those of a lane in their order. Throws Violation.
  void check(const Broker& broker) const;
  [[nodiscard]] uint64_t moved() const;

 private:
  std::map<uint32_t, std::vector<std::string>> values_;  // by partition of `actions`, in their order
};

// Records of one ingest node come into each partition of `actions` in the order in which that node received them, for
// each tenant and lane, whichever way they took. Throws Violation.
void check_arrival(const Broker& broker);

}  // namespace freshet::sim
