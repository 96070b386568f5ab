// Counts what events have against their tenants' plans, and sends the counts to whoever shows them (the console), now
// and then: by topic `deadletters`, in records that are no letters.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "env/clock.h"
#include "freshet/v1/event.pb.h"
#include "ingest/items/parsed.h"

namespace freshet::ingest {

// Thread-safe, and bounded: beyond kViolationGroupsMax of a tenant they are counted as rule `more`.
inline constexpr size_t kViolationGroupsMax = 200;
inline constexpr int kViolationSamplesMax = 3;

class ViolationCounter {
 public:
  void add(const std::string& tenant, const std::vector<PlanMiss>& misses);
  // What was counted since the last call, a record for each tenant.
  [[nodiscard]] std::vector<v1::DeadLetter> take(int64_t now_us, env::Random& random);

 private:
  using Group = std::tuple<std::string, std::string, std::string>;  // event, property, rule

  std::mutex mutex_;
  std::map<std::string, std::map<Group, v1::PlanViolations::Group>> tenants_;
};

}  // namespace freshet::ingest
