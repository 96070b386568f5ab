// Who sends, and what the key allows. Write keys stand in web pages and apps, so anybody has them: they send, and read
// nothing. Server keys and the data API's secret are kept by the tenant: they command, too (merge, erase, unlink).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/name_map.h"
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

// The tenant of a request as it was when the request came, and what its key allows.
struct Sender {
  std::shared_ptr<const model::Tenant> tenant;
  model::KeyScope scope = model::KeyScope::kWrite;
};

// The tenants by everything that can name them. Keys are kept and looked for by their hash only: how long a look takes
// says nothing of how much of a key is right, and a core dump has no key. It never changes, so it is thread-safe:
// with() and without_keys() make another one that shares all but what differs, so a change costs the same however many
// tenants there are.
class Tenants {
 public:
  Tenants() = default;
  explicit Tenants(const std::vector<model::Tenant>& tenants);

  // With this tenant, which takes the place of one of the same name. A key or app_id that another one had is its own
  // from now on.
  [[nodiscard]] Tenants with(model::Tenant tenant) const;
  // The tenant stays known by its name, for what is done about its data, and nobody sends for it any more.
  [[nodiscard]] Tenants without_keys(std::string_view name) const;

  // By a write key or a server key.
  [[nodiscard]] std::optional<Sender> by_key(std::string_view key) const;
  // By a write key: what a page asks that has one.
  [[nodiscard]] std::shared_ptr<const model::Tenant> by_write_key(std::string_view key) const;
  // nullopt: there is no such app_id, or the secret is wrong.
  [[nodiscard]] std::optional<Sender> by_secret(std::string_view app_id, std::string_view secret) const;
  [[nodiscard]] std::shared_ptr<const model::Tenant> by_name(std::string_view name) const;  // null: there is none
  // Whose key it is, or whose app_id; null: nobody's.
  [[nodiscard]] std::shared_ptr<const model::Tenant> owner_of(const SecretHash& key) const;
  [[nodiscard]] std::shared_ptr<const model::Tenant> owner_of_app(std::string_view app_id) const;

 private:
  using TenantPtr = std::shared_ptr<const model::Tenant>;

  // Takes out what leads to this tenant, by key and app_id.
  void drop_keys_of(const model::Tenant& tenant);

  NameMap<Sender> by_key_;  // by the bytes of the hash
  NameMap<TenantPtr> by_app_id_;
  NameMap<TenantPtr> by_name_;
};

}  // namespace freshet::ingest
