// What events had against their tenants' plans, by event, property and rule, and which names were sent values of
// another type than they have, over the last week: as ingest nodes have counted it, in spans of ten minutes.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "freshet/v1/event.pb.h"
#include "kv/store.h"

namespace freshet::console {

// One thread uses it, with the store of the letters.
class Violations {
 public:
  explicit Violations(kv::Store& store) : store_(store) {}

  // Adds a record of body type PLAN_VIOLATIONS to the batch, which the caller writes, whole, and then calls written().
  // What is older than a week before `now_us` goes, but for 0: then nobody knows for sure how late it is.
  [[nodiscard]] Status add(const v1::DeadLetter& record, int64_t now_us, kv::WriteBatch& batch);
  void written() { pending_.clear(); }

  // {"violations":[{"event","property","rule","counts":{"1h","24h","7d"},"last_at","samples":[…]}]}, the most frequent
  // of the last day first. Of a value of another type there is `type`, which came, and of an attribute `subject`.
  [[nodiscard]] Result<std::string> json(const std::string& tenant, int64_t now_us) const;

  // Values of another type than their name has had, within the week.
  struct OtherType {
    std::string type;
    std::string rule;  // what became of them: wrong_type, coerced, widened
    uint64_t count = 0;
    int64_t first_us = 0, last_us = 0;  // reported, which is within seconds
    std::vector<std::string> samples;   // message ids
  };
  // By subject (SchemaChange), event and name; at most kNamesMax of them.
  using OtherTypes = std::map<std::tuple<v1::SchemaChange::Subject, std::string, std::string>, std::vector<OtherType>>;
  [[nodiscard]] Result<OtherTypes> other_types(const std::string& tenant, int64_t now_us) const;

 private:
  static constexpr size_t kNamesMax = 10'000;

  kv::Store& store_;
  std::map<std::string, v1::PlanViolations::Group> pending_;  // rows of the batch that is not written yet
};

}  // namespace freshet::console
