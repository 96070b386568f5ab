#include "model/nobody.h"

#include <algorithm>
#include <string>

#include "model/identifier.h"

namespace freshet::model {
namespace {

constexpr size_t kLongestNumber = 30;  // the zeros of a UUID are none

}  // namespace

bool is_blocked_phone(const Tenant& tenant, std::string_view normal) {
  if (is_no_number(normal)) return true;
  const auto& blocked = tenant.rules.blocked_values();
  return std::any_of(blocked.begin(), blocked.end(),
                     [&](const std::string& value) { return normalize_identifier(tenant, kPhone, value) == normal; });
}

// A sender may count from 0; what is no number and names nobody is the same for all messages.
bool is_blocked_message_id(std::string_view id) {
  static const v1::TenantRules no_rules;
  const bool number = id.size() <= kLongestNumber && id.find_first_of("0123456789") != std::string_view::npos &&
                      id.find_first_not_of("-0123456789") == std::string_view::npos;
  return !number && is_blocked_identifier(id, no_rules);
}

}  // namespace freshet::model
