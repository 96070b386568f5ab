// More of what stands for nobody than model/identifier.h has: of phone numbers, and in place of message ids. Pure.
#pragma once

#include <string_view>

#include "model/tenant.h"

namespace freshet::model {

// What forms leave where nobody has typed a number: a country's code alone (+91), fewer than three digits, none (+).
[[nodiscard]] bool is_no_number(std::string_view text);
// Of a phone number in the tenant's spelling: it is none, or one of the tenant's blocked values in whatever spelling.
[[nodiscard]] bool is_blocked_phone(const Tenant& tenant, std::string_view normal);
// A value that many senders use for all messages. Numbers, 0 among them, are ids.
[[nodiscard]] bool is_blocked_message_id(std::string_view id);

}  // namespace freshet::model
