// Who sends: write keys (as Basic, as Bearer, or in a Segment body) and the data API's app_id and
// secret.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

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

// Takes as long for every candidate of the same length, so that the time of a refusal tells nothing
// of the secret.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

// The tenants by everything that can name them. It never changes, so it is thread-safe.
class Tenants {
 public:
  explicit Tenants(std::vector<model::Tenant> tenants);

  [[nodiscard]] const model::Tenant* by_write_key(std::string_view key) const;
  // Returns nullptr if there is no such app_id or the secret is wrong.
  [[nodiscard]] const model::Tenant* by_secret(std::string_view app_id, std::string_view secret) const;
  [[nodiscard]] const model::Tenant* by_name(std::string_view name) const;
  [[nodiscard]] const std::vector<model::Tenant>& all() const { return tenants_; }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <class T>
  using ByText = std::unordered_map<std::string, T, TextHash, std::equal_to<>>;

  std::vector<model::Tenant> tenants_;
  // by_key_, by_app_id_ and by_name_ hold the position in tenants_.
  ByText<size_t> by_key_, by_app_id_, by_name_;
};

}  // namespace freshet::ingest
