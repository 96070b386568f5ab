// Compiling rules, and adopting newer ones. A computed attribute is known by the hash of its definition: whoever
// changes the sum of `total` into one of `net` must not see the two added up.
#include "action/rules.h"

#include <algorithm>
#include <utility>

#include "action/control.h"
#include "base/assert.h"
#include "base/hash.h"

namespace freshet::action {
namespace {

uint64_t definition_of(const v1::ComputedRule& rule) {
  const Hash128 hash =
      hash128(rule.SerializeAsString());  // It has no map fields, so its bytes are the same everywhere.
  uint64_t word;
  std::memcpy(&word, hash.bytes.data(), sizeof word);
  return word;
}

}  // namespace

const ComputedAttribute* Tenant::find_computed(std::string_view name) const {
  const auto at = std::find_if(computed.begin(), computed.end(), [&](const auto& c) { return c.rule.name() == name; });
  return at == computed.end() ? nullptr : &*at;
}

std::unique_ptr<const Rules> Rules::compile(const v1::PartitionMeta& meta) {
  auto rules = std::make_unique<Rules>();
  rules->hash_key_ = meta.rules().hash_key();
  rules->events_as_protobuf_ = meta.rules().events_as_protobuf();
  for (const v1::TenantRules& proto : meta.rules().tenants()) {
    auto tenant = std::make_unique<Tenant>();
    tenant->rules = proto;
    tenant->keeps_digits = meta.rules().logic_version() >= kLogicOfWholeNumbers;
    tenant->knows_verified = meta.rules().logic_version() >= kLogicOfVerified;
    tenant->knows_activity = meta.rules().logic_version() >= kLogicOfActivity;
    tenant->keeps_devices = meta.rules().logic_version() >= kLogicOfKeptDevices;
    for (const v1::ComputedRule& rule : proto.computed()) tenant->computed.push_back({rule, definition_of(rule), 0});
    for (ComputedAttribute& computed : tenant->computed) {  // The vector no longer grows: pointers into it stay.
      for (const v1::ComputedSince& since : meta.computed_since())
        if (since.tenant() == proto.name() && since.name() == computed.rule.name())
          computed.since_us = since.since_us();
      tenant->computed_of_event[computed.rule.event()].push_back(&computed);
    }
    rules->tenants_[proto.name()] = std::move(tenant);
  }
  return rules;
}

const Tenant* Rules::find(std::string_view tenant) const {
  const auto at = tenants_.find(absl::string_view(tenant.data(), tenant.size()));
  return at == tenants_.end() ? nullptr : at->second.get();
}

// An older revision may arrive after a newer one, from a node that has not heard of that yet: it changes nothing.
// Otherwise two nodes with different files would take turns in every partition.
bool adopt_rules(v1::PartitionMeta& meta, const v1::Control& control, int64_t received_at_us) {
  // The same revision by a newer logic is a newer one: an upgrade need not touch the configuration.
  const auto order = [](const v1::Control& c) { return std::pair(c.revision(), c.logic_version()); };
  if (order(control) <= order(meta.rules())) return false;
  google::protobuf::RepeatedPtrField<v1::ComputedSince> since;
  for (const v1::TenantRules& tenant : control.tenants())
    for (const v1::ComputedRule& rule : tenant.computed()) {
      v1::ComputedSince& entry = *since.Add();
      entry.set_tenant(tenant.name());
      entry.set_name(rule.name());
      entry.set_definition(definition_of(rule));
      entry.set_since_us(received_at_us);
      for (const v1::ComputedSince& before : meta.computed_since())
        if (before.tenant() == entry.tenant() && before.name() == entry.name() &&
            before.definition() == entry.definition())
          entry.set_since_us(before.since_us());
    }
  meta.mutable_computed_since()->Swap(&since);
  *meta.mutable_rules() = control;
  return true;
}

}  // namespace freshet::action
