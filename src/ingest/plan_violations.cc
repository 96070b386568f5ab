#include "ingest/plan_violations.h"

#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "telemetry/metrics.h"

namespace freshet::ingest {
namespace {

// Of a property of an event it is left out, as before there were others.
v1::SchemaChange::Subject subject_of(const PlanMiss& miss) {
  switch (miss.subject) {
    case schema::Subject::kUserAttribute: return v1::SchemaChange::USER_ATTRIBUTE;
    case schema::Subject::kDeviceAttribute: return v1::SchemaChange::DEVICE_ATTRIBUTE;
    default: return v1::SchemaChange::SUBJECT_UNSPECIFIED;
  }
}

}  // namespace

void ViolationCounter::add(const std::string& tenant, const std::vector<PlanMiss>& misses) {
  if (misses.empty()) return;
  std::map<std::string, uint64_t> rules;
  {
    const std::lock_guard lock(mutex_);
    auto& groups = tenants_[tenant];
    for (const PlanMiss& miss : misses) {
      rules[miss.rule] += miss.count;
      Group name(miss.event, miss.property, miss.rule, miss.found, subject_of(miss));
      count(groups, std::move(name), miss.count, {miss.message_id});
    }
  }
  for (const auto& [rule, count] : rules)
    telemetry::counter("freshet_plan_violations_total", "Events that are not as their tenant's plan says, by rule.",
                       {{"tenant", tenant}, {"rule", rule}})
        .add(count);
}

void ViolationCounter::count(Groups& groups, Group name, uint64_t count, const std::vector<std::string>& message_ids) {
  if (!groups.contains(name) && groups.size() >= kViolationGroupsMax)
    name = {"", "", "more", "", v1::SchemaChange::SUBJECT_UNSPECIFIED};
  v1::PlanViolations::Group& group = groups[name];
  group.set_count(group.count() + count);
  for (const std::string& id : message_ids)
    if (!id.empty() && group.message_ids_size() < kViolationSamplesMax) group.add_message_ids(id);
}

void ViolationCounter::put_back(const std::vector<v1::DeadLetter>& records) {
  const std::lock_guard lock(mutex_);
  for (const v1::DeadLetter& record : records) {
    v1::PlanViolations violations;
    const bool is_whole = violations.ParseFromString(record.body());
    FRESHET_ASSERT(is_whole);  // take() has written it
    for (const v1::PlanViolations::Group& group : violations.groups())
      count(tenants_[record.tenant()], {group.event(), group.property(), group.rule(), group.found(), group.subject()},
            group.count(), {group.message_ids().begin(), group.message_ids().end()});
  }
}

std::vector<v1::DeadLetter> ViolationCounter::take(int64_t now_us, env::Random& random) {
  std::map<std::string, Groups> tenants;
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
      group.set_found(std::get<3>(name));
      group.set_subject(std::get<4>(name));
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
