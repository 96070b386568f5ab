// The rules that a tenant has if its configuration says nothing.
#include "model/tenant.h"

#include <utility>

#include "base/assert.h"

namespace freshet::model {

void set_identifier_limit(v1::TenantRules& rules, std::string_view type, uint32_t max) {
  auto& limits = *rules.mutable_identifier_limits();
  int at = 0;
  while (at < limits.size() && limits[at].type() < type) ++at;
  if (at == limits.size() || limits[at].type() != type) {
    limits.Add()->set_type(std::string(type));
    for (int i = limits.size() - 1; i > at; --i) limits.SwapElements(i, i - 1);
  }
  FRESHET_ASSERT(limits[at].type() == type);
  limits[at].set_max(max);
}

Tenant default_tenant(std::string name) {
  Tenant tenant;
  tenant.name = std::move(name);
  v1::TenantRules& rules = tenant.rules;
  rules.set_name(tenant.name);
  for (const char* type : {"user_id", "email", "phone", "anonymous_id"}) rules.add_user_priority(type);
  for (const char* type : {"device_id", "push_token", "idfv", "gaid", "idfa"}) rules.add_device_priority(type);
  rules.add_shared("anonymous_id");
  set_identifier_limit(rules, "user_id", 1);
  set_identifier_limit(rules, "default", 5);
  rules.set_user_attributes_max(tenant.limits.user_attributes);
  rules.set_event_names_max(tenant.limits.event_names);
  rules.set_attached_max(1000);
  rules.set_set_elements_max(1000);
  return tenant;
}

}  // namespace freshet::model
