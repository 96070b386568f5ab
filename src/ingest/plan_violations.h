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
  // These could not be sent: they are counted again, with those that came meanwhile.
  void put_back(const std::vector<v1::DeadLetter>& records);

 private:
  // Event, property, rule, found, subject.
  using Group = std::tuple<std::string, std::string, std::string, std::string, v1::SchemaChange::Subject>;
  using Groups = std::map<Group, v1::PlanViolations::Group>;

  static void count(Groups& groups, Group name, uint64_t count, const std::vector<std::string>& message_ids);

  std::mutex mutex_;
  std::map<std::string, Groups> tenants_;
};

}  // namespace freshet::ingest
