#include "model/tenant.h"

#include <utility>

namespace freshet::model {

Tenant default_tenant(std::string name) {
  Tenant tenant;
  tenant.name = std::move(name);
  v1::TenantRules& rules = tenant.rules;
  rules.set_name(tenant.name);
  for (const char* type : {"user_id", "email", "phone", "anonymous_id"}) rules.add_user_priority(type);
  for (const char* type : {"device_id", "push_token", "idfv", "gaid", "idfa"}) rules.add_device_priority(type);
  rules.add_shared("anonymous_id");
  (*rules.mutable_identifiers_per_type())["user_id"] = 1;
  (*rules.mutable_identifiers_per_type())["default"] = 5;
  rules.set_user_attributes_max(tenant.limits.user_attributes);
  rules.set_event_names_max(tenant.limits.event_names);
  rules.set_attached_max(1000);
  rules.set_set_elements_max(1000);
  return tenant;
}

}  // namespace freshet::model
