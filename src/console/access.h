// Who may ask the admin listener, and for what. Every token has a role; each role may do what those before it may.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/names.h"
#include "base/secret.h"
#include "env/clock.h"
#include "http/message.h"

namespace freshet::console {

enum class Role : uint8_t {
  kRead,     // looks: metrics, profiles, schemas, dead letters
  kOperate,  // changes what can be changed back or done again: replays, names of the schema
  kErase,    // removes persons, and lifts that; and gives tenants keys that may, and sinks
};

[[nodiscard]] constexpr auto names_of(Role) {
  using enum Role;
  return std::to_array<Name<Role>>({{kRead, "read"}, {kOperate, "operate"}, {kErase, "erase"}});
}

struct Token {
  std::string name;    // what the audit log calls its holder
  std::string secret;  // itself or its hash (base/secret.h); never shown
  Role role = Role::kRead;
};

// Thread-safe. It counts refusals, and logs them at most once a second, without what was sent.
class Access {
 public:
  // Without tokens whoever is on this machine may do everything. The clock outlives it.
  Access(const std::vector<Token>& tokens, env::Clock& clock);

  struct Visitor {
    std::string name;  // of the token; "": none is asked for
    Role role = Role::kRead;
  };
  // nullopt: a token is asked for, and this one is missing or wrong.
  [[nodiscard]] std::optional<Visitor> visitor_of(const http::Request& request) const;
  // Without a token, a page from elsewhere must not use a visitor's browser to get at us: neither by a form, which
  // Origin gives away, nor by a name of its own that it points to this machine (DNS rebinding), which Host gives away.
  [[nodiscard]] bool is_own_page(const http::Request& request) const;

  // `why`: token, role or origin.
  void refused(const http::Request& request, const char* why) const;

 private:
  struct Known {
    std::string name;
    SecretHash secret;
    Role role;
  };
  std::vector<Known> tokens_;
  env::Clock& clock_;
  mutable std::atomic<env::TimeUs> next_log_us_{0};
};

}  // namespace freshet::console
