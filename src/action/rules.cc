// Compiling rules, and adopting newer ones. A computed attribute is known by the hash of its definition: whoever
// changes the sum of `total` into one of `net` must not see the two added up.
#include "action/rules.h"

#include <algorithm>
#include <utility>

#include "action/control.h"
#include "base/assert.h"
#include "base/hash.h"
#include "model/tenant.h"

namespace freshet::action {
namespace {

uint64_t definition_of(const v1::ComputedRule& rule) {
  const Hash128 hash =
      hash128(rule.SerializeAsString());  // It has no map fields, so its bytes are the same everywhere.
  uint64_t word;
  std::memcpy(&word, hash.bytes.data(), sizeof word);
  return word;
}

// The same revision by a newer logic is a newer one: an upgrade need not touch the configuration.
std::pair<uint64_t, uint32_t> order_of_rules(const v1::Control& control) {
  return {control.revision(), control.logic_version()};
}

uint64_t revision_of(const v1::PartitionMeta& meta, const v1::TenantRules& rules) {
  return rules.revision() != 0 ? rules.revision() : meta.rules().revision();
}

// Where the tenant of this name is, or would be: they are sorted by name.
int place_of_rules(const v1::Control& rules, std::string_view tenant) {
  const auto& tenants = rules.tenants();
  const auto at = std::lower_bound(tenants.begin(), tenants.end(), tenant,
                                   [](const v1::TenantRules& t, std::string_view name) { return t.name() < name; });
  return static_cast<int>(at - tenants.begin());
}

// The entries of a tenant: all are sorted by tenant.
std::pair<int, int> since_of(const v1::PartitionMeta& meta, std::string_view tenant) {
  const auto& all = meta.computed_since();
  const auto by_tenant = [](const v1::ComputedSince& s, std::string_view name) { return s.tenant() < name; };
  const auto at = std::lower_bound(all.begin(), all.end(), tenant, by_tenant);
  auto end = at;
  while (end != all.end() && end->tenant() == tenant) ++end;
  return {static_cast<int>(at - all.begin()), static_cast<int>(end - all.begin())};
}

// Since when each computed attribute of these rules holds.
void add_since(const v1::PartitionMeta& meta, const v1::TenantRules& tenant, int64_t received_at_us,
               google::protobuf::RepeatedPtrField<v1::ComputedSince>& since) {
  const auto [begin, end] = since_of(meta, tenant.name());
  for (const v1::ComputedRule& rule : tenant.computed()) {
    v1::ComputedSince& entry = *since.Add();
    entry.set_tenant(tenant.name());
    entry.set_name(rule.name());
    entry.set_definition(definition_of(rule));
    entry.set_since_us(received_at_us);
    for (int i = begin; i < end; ++i)
      if (const auto& before = meta.computed_since(i);
          before.name() == entry.name() && before.definition() == entry.definition())
        entry.set_since_us(before.since_us());
  }
}

// The entries of one tenant in the place of those that it had.
void renew_since(v1::PartitionMeta& meta, const v1::TenantRules& tenant, int64_t received_at_us) {
  google::protobuf::RepeatedPtrField<v1::ComputedSince> of_tenant;
  add_since(meta, tenant, received_at_us, of_tenant);
  auto& all = *meta.mutable_computed_since();
  const auto [begin, end] = since_of(meta, tenant.name());
  all.erase(all.begin() + begin, all.begin() + end);
  for (v1::ComputedSince& entry : of_tenant) all.Add(std::move(entry));
  std::rotate(all.pointer_begin() + begin, all.pointer_end() - of_tenant.size(), all.pointer_end());
}

// Puts the rules of one tenant where they belong.
void put_rules(v1::Control& rules, int at, const v1::TenantRules& tenant, uint64_t revision) {
  auto& tenants = *rules.mutable_tenants();
  if (at == tenants.size() || tenants[at].name() != tenant.name()) {
    tenants.Add();
    std::rotate(tenants.pointer_begin() + at, tenants.pointer_end() - 1, tenants.pointer_end());
  }
  tenants[at] = tenant;
  tenants[at].set_revision(revision);
}

// Each tenant by itself, and what holds for all of them by itself, each to its highest revision: so in whatever order
// the changes of several nodes come, every partition ends with the same rules.
bool adopt_changes(v1::PartitionMeta& meta, const v1::Control& control, int64_t received_at_us) {
  v1::Control& rules = *meta.mutable_rules();
  bool changed = false;
  if (!control.hash_key().empty() && order_of_rules(control) > order_of_rules(rules)) {
    // What came before tenants had revisions of their own keeps the one that it came by.
    for (v1::TenantRules& tenant : *rules.mutable_tenants()) tenant.set_revision(revision_of(meta, tenant));
    rules.set_revision(control.revision());
    rules.set_logic_version(control.logic_version());
    rules.set_hash_key(control.hash_key());
    rules.set_partitions(control.partitions());
    rules.set_events_as_protobuf(control.events_as_protobuf());
    rules.set_events_if_read(control.events_if_read());
    changed = true;
  }
  for (const v1::TenantRules& tenant : control.tenants()) {
    const int at = place_of_rules(rules, tenant.name());
    const bool is_there = at < rules.tenants_size() && rules.tenants(at).name() == tenant.name();
    if (is_there && revision_of(meta, rules.tenants(at)) >= control.revision()) continue;
    renew_since(meta, tenant, received_at_us);
    put_rules(rules, at, tenant, control.revision());
    changed = true;
  }
  return changed;
}

}  // namespace

const ComputedAttribute* Tenant::find_computed(std::string_view name) const {
  const auto at = std::find_if(computed.begin(), computed.end(), [&](const auto& c) { return c.rule.name() == name; });
  return at == computed.end() ? nullptr : &*at;
}

std::unique_ptr<Rules> Rules::compile(const v1::PartitionMeta& meta) {
  auto rules = std::make_unique<Rules>();
  rules->hash_key_ = meta.rules().hash_key();
  rules->events_as_protobuf_ = meta.rules().events_as_protobuf();
  rules->events_if_read_ = meta.rules().events_if_read();
  for (const v1::TenantRules& tenant : meta.rules().tenants()) rules->take(meta, tenant);
  return rules;
}

void Rules::renew(const v1::PartitionMeta& meta, const v1::Control& control) {
  if (!control.changes_only() || !control.hash_key().empty()) {
    *this = std::move(*compile(meta));
    return;
  }
  for (const v1::TenantRules& changed : control.tenants()) {
    const auto at = place_of_rules(meta.rules(), changed.name());
    FRESHET_ASSERT(at < meta.rules().tenants_size() && meta.rules().tenants(at).name() == changed.name());
    take(meta, meta.rules().tenants(at));
  }
}

void Rules::take(const v1::PartitionMeta& meta, const v1::TenantRules& proto) {
  auto tenant = std::make_unique<Tenant>();
  tenant->rules = proto;
  tenant->revision = revision_of(meta, proto);
  tenant->keeps_digits = meta.rules().logic_version() >= kLogicOfWholeNumbers;
  tenant->knows_verified = meta.rules().logic_version() >= kLogicOfVerified;
  tenant->knows_activity = meta.rules().logic_version() >= kLogicOfActivity;
  tenant->knows_short_words = meta.rules().logic_version() >= kLogicOfShortWords;
  tenant->keeps_devices = meta.rules().logic_version() >= kLogicOfKeptDevices;
  tenant->knows_absence = meta.rules().logic_version() >= kLogicOfFilters;
  tenant->claims_again = meta.rules().logic_version() >= kLogicOfClaimsAgain;
  tenant->knows_whose = meta.rules().logic_version() >= kLogicOfWhose;
  tenant->frees_again = meta.rules().logic_version() >= kLogicOfFreedAgain;
  for (const v1::ComputedRule& rule : proto.computed()) tenant->computed.push_back({rule, definition_of(rule), 0});
  const auto [begin, end] = since_of(meta, proto.name());
  for (ComputedAttribute& computed : tenant->computed) {  // The vector no longer grows: pointers into it stay.
    for (int i = begin; i < end; ++i)
      if (const auto& since = meta.computed_since(i); since.name() == computed.rule.name())
        computed.since_us = since.since_us();
    tenant->computed_of_event[computed.rule.event()].push_back(&computed);
  }
  tenant->knows_audiences = meta.rules().logic_version() >= kLogicOfAudiences;
  if (tenant->knows_audiences) tenant->audiences = Audiences(*tenant);
  tenants_[proto.name()] = std::move(tenant);
}

const Tenant* Rules::find(std::string_view tenant) const {
  const auto at = tenants_.find(absl::string_view(tenant.data(), tenant.size()));
  return at == tenants_.end() ? nullptr : at->second.get();
}

uint64_t revision_in_force(const v1::PartitionMeta& meta, const Tenant* tenant) {
  return tenant != nullptr ? tenant->revision : meta.rules().revision();
}

std::map<std::string, uint64_t> Rules::audience_hashes() const {
  std::map<std::string, uint64_t> hashes;
  for (const auto& [name, tenant] : tenants_) hashes[name] = tenant->audiences.hash();
  return hashes;
}

bool are_rules(const v1::PartitionMeta& meta, const v1::Control& control) {
  const std::string &key = control.hash_key(), &key_in_force = meta.rules().hash_key();
  const bool keeps_key = key_in_force.empty() || key == key_in_force || (key.empty() && control.changes_only());
  const auto& tenants = control.tenants();
  const auto not_before = [](const v1::TenantRules& a, const v1::TenantRules& b) { return a.name() >= b.name(); };
  const bool sorted = std::adjacent_find(tenants.begin(), tenants.end(), not_before) == tenants.end();
  if (control.revision() > model::kRevisionMost || control.logic_version() > kLogicVersion) return false;
  return keeps_key && (key.empty() || key.size() == sizeof(Hash128)) && (control.changes_only() || sorted);
}

// An older revision may arrive after a newer one, from a node that has not heard of that yet: it changes nothing.
// Otherwise two nodes with different files would take turns in every partition.
bool adopt_rules(v1::PartitionMeta& meta, const v1::Control& control, int64_t received_at_us) {
  if (control.changes_only()) return adopt_changes(meta, control, received_at_us);
  if (order_of_rules(control) <= order_of_rules(meta.rules())) return false;
  // As the logic before kLogicOfChanges had it: the rules of all tenants in place of all that there were.
  google::protobuf::RepeatedPtrField<v1::ComputedSince> since;
  for (const v1::TenantRules& tenant : control.tenants()) add_since(meta, tenant, received_at_us, since);
  meta.mutable_computed_since()->Swap(&since);
  *meta.mutable_rules() = control;
  return true;
}

}  // namespace freshet::action
