// What was done by the admin listener, for whoever has to answer for it later. Identifiers are named by a hash: who
// knows the identifier can find the entry, and who reads the entry can't find the person.
#pragma once

#include <functional>
#include <string>

#include "env/clock.h"

namespace freshet::console {

struct AuditEntry {
  env::TimeUs at_us = 0;
  std::string token;   // name of the token; "": none is asked for
  std::string remote;  // address of whoever asked
  std::string action;  // method and pattern of the address: "DELETE /v1/tenants/{tenant}/users/{type}/{value}"
  std::string tenant;
  std::string
      target;  // SHA-256 in hex of what stood behind the tenant in the address, decoded, joined by '\0'; "": nothing
  int status = 0;  // of the answer
};

// Keeps an entry; called on any thread, after the answer was made and before it is sent. It must not throw.
using Audit = std::function<void(const AuditEntry&)>;

// One line of JSON, without a line end.
[[nodiscard]] std::string audit_line(const AuditEntry& entry);

}  // namespace freshet::console
