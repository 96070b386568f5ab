// What events had against their tenants' plans, by event, property and rule, over the last week: as ingest nodes have
// counted it, in spans of ten minutes.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "freshet/v1/event.pb.h"
#include "kv/store.h"

namespace freshet::console {

// One thread uses it, with the store of the letters.
class Violations {
 public:
  explicit Violations(kv::Store& store) : store_(store) {}

  // Adds a record of body type PLAN_VIOLATIONS to the batch, which the caller writes, whole, and then calls written().
  [[nodiscard]] Status add(const v1::DeadLetter& record, kv::WriteBatch& batch);
  void written() { pending_.clear(); }

  // {"violations":[{"event","property","rule","counts":{"1h","24h","7d"},"last_at","samples":[…]}]}, the most frequent
  // of the last day first.
  [[nodiscard]] Result<std::string> json(const std::string& tenant, int64_t now_us) const;

 private:
  kv::Store& store_;
  std::map<std::string, v1::PlanViolations::Group> pending_;  // rows of the batch that is not written yet
};

}  // namespace freshet::console
