// A row of the admin listener's table.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "console/call.h"

namespace freshet::console {

enum class Audience : uint8_t {
  kAnyone,   // probes of load balancers and orchestrators
  kBrowser,  // the page's own files, which a browser asks for before it has a token
  kRead,     // whoever has a token of this role or of a later one, if any token is configured
  kOperate,
  kErase,
};

// REQUIRES: an audience that is a role.
[[nodiscard]] inline Role role_of(Audience audience) {
  FRESHET_ASSERT(audience >= Audience::kRead);
  return audience == Audience::kRead ? Role::kRead : audience == Audience::kOperate ? Role::kOperate : Role::kErase;
}

enum class Process : uint8_t { kAny, kConsole };  // that plays the console role
// Whether there must be, or must have been, a tenant of the name that the address has.
enum class Named : uint8_t { kKnown, kAny };

struct Admin::Route {
  std::string_view method;
  std::string_view path;  // http/routes.h; the first part in braces is {tenant}
  Audience audience;
  Process process;
  void (*answer)(Admin&, Call&);
  v1::EntityKind kind = v1::ENTITY_KIND_USER;
  Named tenant = Named::kKnown;
};

}  // namespace freshet::console
