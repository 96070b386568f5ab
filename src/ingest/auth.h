// Who sends, and what the key allows. Write keys stand in web pages and apps, so anybody has them: they send, and read
// nothing. Server keys and the data API's secret are kept by the tenant: they command, too (merge, erase, unlink).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "model/tenant.h"

namespace freshet::ingest {

// User and password of an Authorization header. Bearer, and Basic without a colon, give only the
// user.
struct Credentials {
  std::string user;
  std::string password;
};
// The user is empty if the header is absent or can't be read.
[[nodiscard]] Credentials parse_authorization(std::string_view header);

// The tenant of a request, and what its key allows.
struct Sender {
  const model::Tenant* tenant = nullptr;
  model::KeyScope scope = model::KeyScope::kWrite;
};

// The tenants by everything that can name them. Keys are kept and looked for by their hash only: how long a look takes
// says nothing of how much of a key is right, and a core dump has no key. It never changes, so it is thread-safe.
class Tenants {
 public:
  explicit Tenants(std::vector<model::Tenant> tenants);

  // By a write key or a server key.
  [[nodiscard]] std::optional<Sender> by_key(std::string_view key) const;
  // By a write key: what a page asks that has one.
  [[nodiscard]] const model::Tenant* by_write_key(std::string_view key) const;
  // nullopt: there is no such app_id, or the secret is wrong.
  [[nodiscard]] std::optional<Sender> by_secret(std::string_view app_id, std::string_view secret) const;
  [[nodiscard]] const model::Tenant* by_name(std::string_view name) const;
  [[nodiscard]] bool has_server_key(const model::Tenant& tenant) const;
  [[nodiscard]] const std::vector<model::Tenant>& all() const { return tenants_; }

 private:
  struct Key {
    size_t tenant = 0;  // its position in tenants_
    model::KeyScope scope = model::KeyScope::kWrite;
  };
  struct App {
    size_t tenant = 0;
    SecretHash secret;
  };

  std::vector<model::Tenant> tenants_;
  std::set<std::string, std::less<>> with_server_key_;  // their names
  std::map<SecretHash, Key> by_key_;
  std::map<std::string, App, std::less<>> by_app_id_;
  std::map<std::string, size_t, std::less<>> by_name_;
};

}  // namespace freshet::ingest
