#include "ingest/plan_violations.h"

#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "telemetry/metrics.h"

namespace freshet::ingest {

void ViolationCounter::add(const std::string& tenant, const std::vector<PlanMiss>& misses) {
  if (misses.empty()) return;
  std::map<std::string, uint64_t> rules;
  {
    const std::lock_guard lock(mutex_);
    auto& groups = tenants_[tenant];
    for (const PlanMiss& miss : misses) {
      ++rules[miss.rule];
      Group name(miss.event, miss.property, miss.rule);
      if (!groups.contains(name) && groups.size() >= kViolationGroupsMax) name = {"", "", "more"};
      v1::PlanViolations::Group& group = groups[name];
      group.set_count(group.count() + 1);
      if (!miss.message_id.empty() && group.message_ids_size() < kViolationSamplesMax)
        group.add_message_ids(miss.message_id);
    }
  }
  for (const auto& [rule, count] : rules)
    telemetry::counter("freshet_plan_violations_total", "Events that are not as their tenant's plan says, by rule.",
                       {{"tenant", tenant}, {"rule", rule}})
        .add(count);
}

std::vector<v1::DeadLetter> ViolationCounter::take(int64_t now_us, env::Random& random) {
  std::map<std::string, std::map<Group, v1::PlanViolations::Group>> tenants;
  {
    const std::lock_guard lock(mutex_);
    tenants.swap(tenants_);
  }
  std::vector<v1::DeadLetter> out;
  for (auto& [tenant, groups] : tenants) {
    FRESHET_ASSERT(!groups.empty());
    v1::PlanViolations violations;
    for (auto& [name, group] : groups) {
      group.set_event(std::get<0>(name));
      group.set_property(std::get<1>(name));
      group.set_rule(std::get<2>(name));
      *violations.add_groups() = std::move(group);
    }
    v1::DeadLetter& record = out.emplace_back();
    record.set_id("violations-" + to_hex(random.bytes(16)));
    record.set_tenant(tenant);
    record.set_source("ingest");
    record.set_body_type(v1::DeadLetter::PLAN_VIOLATIONS);
    record.set_body(violations.SerializeAsString());
    record.set_received_at_us(now_us);
  }
  return out;
}

}  // namespace freshet::ingest
