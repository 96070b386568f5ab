#include "action/control.h"

#include <string>

namespace freshet::action {

v1::Envelope control_record(const std::vector<model::Tenant>& tenants, uint32_t partitions, std::string_view hash_key,
                            env::TimeUs received_at_us) {
  v1::Envelope envelope;
  envelope.set_kind(v1::Envelope::CONTROL);
  envelope.set_received_at_us(received_at_us);
  v1::Control& control = *envelope.mutable_control();
  control.set_logic_version(kLogicVersion);
  control.set_hash_key(std::string(hash_key));
  control.set_partitions(partitions);
  control.set_changes_only(true);
  for (const model::Tenant& tenant : tenants) *control.add_tenants() = tenant.rules;
  return envelope;
}

v1::Envelope rules_record(const std::vector<v1::TenantRules>& rules, uint64_t revision, env::TimeUs received_at_us) {
  v1::Envelope envelope;
  envelope.set_kind(v1::Envelope::CONTROL);
  envelope.set_received_at_us(received_at_us);
  v1::Control& control = *envelope.mutable_control();
  control.set_logic_version(kLogicVersion);
  control.set_revision(revision);
  control.set_changes_only(true);
  control.mutable_tenants()->Assign(rules.begin(), rules.end());
  return envelope;
}

v1::Envelope republish_record(env::TimeUs received_at_us, uint64_t raise, const std::string& tenant, bool gone_too) {
  v1::Envelope envelope;
  envelope.set_kind(v1::Envelope::CONTROL);
  envelope.set_received_at_us(received_at_us);
  envelope.mutable_control()->set_logic_version(kLogicVersion);
  envelope.mutable_control()->mutable_republish()->set_raise(raise);
  envelope.mutable_control()->mutable_republish()->set_gone_too(gone_too);
  if (!tenant.empty()) envelope.mutable_control()->add_tenants()->set_name(tenant);
  return envelope;
}

v1::Envelope republish_one_record(env::TimeUs received_at_us, const std::string& tenant, const std::string& id) {
  v1::Envelope envelope = republish_record(received_at_us, 0, tenant, true);
  envelope.mutable_control()->mutable_republish()->set_id(id);
  return envelope;
}

}  // namespace freshet::action
