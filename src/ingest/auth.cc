// Finds the tenant of a request by what its sender proves itself by.

#include "ingest/auth.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/text.h"

namespace freshet::ingest {
namespace {

// Schemes of Authorization are compared without case (RFC 9110, section 11.1).
bool has_scheme(std::string_view header, std::string_view lower) {
  return header.size() > lower.size() && header[lower.size()] == ' ' &&
         std::equal(lower.begin(), lower.end(), header.begin(), [](char a, char b) { return a == (b | 0x20); });
}

}  // namespace

Credentials parse_authorization(std::string_view header) {
  if (has_scheme(header, "bearer")) return {std::string(trim(header.substr(7))), ""};
  if (!has_scheme(header, "basic")) return {};
  std::optional<std::string> decoded = decode_base64(trim(header.substr(6)));
  if (!decoded) return {};
  // "echo app:secret | base64" has a line end in it, and so have many secrets that come from files.
  decoded->resize(decoded->find_last_not_of("\r\n") + 1);
  // A missing colon is seen in the wild: then the whole text is the user.
  const size_t colon = std::min(decoded->find(':'), decoded->size());
  return {decoded->substr(0, colon), colon < decoded->size() ? decoded->substr(colon + 1) : ""};
}

namespace {

// With hashes in the place of keys and secrets: what is only compared need not be kept.
model::Tenant hashed(model::Tenant tenant) {
  for (std::vector<std::string>* const keys : {&tenant.write_keys, &tenant.server_keys}) {
    std::erase(*keys, "");
    for (std::string& key : *keys) key = SecretHash::of_configured(key).configured();
  }
  if (!tenant.app_secret.empty()) tenant.app_secret = SecretHash::of_configured(tenant.app_secret).configured();
  return tenant;
}

}  // namespace

Tenants::Tenants(const std::vector<model::Tenant>& tenants) {
  for (const model::Tenant& tenant : tenants) *this = with(tenant);
}

Tenants Tenants::with(model::Tenant tenant) const {
  Tenants made = *this;
  if (const TenantPtr before = by_name(tenant.name)) made.drop_keys_of(*before);
  const auto now = std::make_shared<const model::Tenant>(hashed(std::move(tenant)));
  made.by_name_ = made.by_name_.with(now->name, now);
  if (!now->app_id.empty() && !now->app_secret.empty()) made.by_app_id_ = made.by_app_id_.with(now->app_id, now);
  for (const auto& [keys, scope] :
       {std::pair{&now->write_keys, model::KeyScope::kWrite}, {&now->server_keys, model::KeyScope::kServer}}) {
    for (const std::string& key : *keys)
      made.by_key_ = made.by_key_.with(SecretHash::of_configured(key).bytes(), Sender{now, scope});
  }
  return made;
}

Tenants Tenants::without_keys(std::string_view name) const {
  const TenantPtr before = by_name(name);
  if (before == nullptr) return *this;
  Tenants made = *this;
  made.drop_keys_of(*before);
  model::Tenant closed = *before;
  closed.write_keys.clear();
  closed.server_keys.clear();
  closed.app_secret.clear();
  made.by_name_ = made.by_name_.with(name, std::make_shared<const model::Tenant>(std::move(closed)));
  return made;
}

void Tenants::drop_keys_of(const model::Tenant& tenant) {
  for (const std::vector<std::string>* const keys : {&tenant.write_keys, &tenant.server_keys}) {
    for (const std::string& key : *keys) {
      const SecretHash hash = SecretHash::of_configured(key);
      const Sender* const owner = by_key_.find(hash.bytes());
      // Another tenant may have it by now.
      if (owner != nullptr && owner->tenant->name == tenant.name) by_key_ = by_key_.without(hash.bytes());
    }
  }
  const TenantPtr* const owner = by_app_id_.find(tenant.app_id);
  if (owner != nullptr && (*owner)->name == tenant.name) by_app_id_ = by_app_id_.without(tenant.app_id);
}

std::optional<Sender> Tenants::by_key(std::string_view key) const {
  if (key.empty()) return std::nullopt;
  const Sender* const found = by_key_.find(SecretHash::of(key).bytes());
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::shared_ptr<const model::Tenant> Tenants::by_write_key(std::string_view key) const {
  const auto sender = by_key(key);
  return sender && sender->scope == model::KeyScope::kWrite ? sender->tenant : nullptr;
}

std::optional<Sender> Tenants::by_secret(std::string_view app_id, std::string_view secret) const {
  const TenantPtr* const found = by_app_id_.find(app_id);
  if (found == nullptr || secret.empty()) return std::nullopt;
  if (SecretHash::of_configured((*found)->app_secret) != SecretHash::of(secret)) return std::nullopt;
  return Sender{*found, model::KeyScope::kServer};
}

std::shared_ptr<const model::Tenant> Tenants::owner_of(const SecretHash& key) const {
  const Sender* const found = by_key_.find(key.bytes());
  return found == nullptr ? nullptr : found->tenant;
}

std::shared_ptr<const model::Tenant> Tenants::owner_of_app(std::string_view app_id) const {
  const TenantPtr* const found = by_app_id_.find(app_id);
  return found == nullptr ? nullptr : *found;
}

std::shared_ptr<const model::Tenant> Tenants::by_name(std::string_view name) const {
  const TenantPtr* const found = by_name_.find(name);
  return found == nullptr ? nullptr : *found;
}

}  // namespace freshet::ingest
