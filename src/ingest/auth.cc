// Finds the tenant of a request by what its sender proves itself by.

#include "ingest/auth.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"

namespace freshet::ingest {
namespace {

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

// Takes the standard and the URL alphabet, with or without padding: senders use all four.
std::optional<std::string> decode_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = base64_digit(c);
    if (digit < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xffffffu;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xffu);
  }
  return out;
}

// Schemes of Authorization are compared without case (RFC 9110, section 11.1).
bool has_scheme(std::string_view header, std::string_view lower) {
  return header.size() > lower.size() && header[lower.size()] == ' ' &&
         std::equal(lower.begin(), lower.end(), header.begin(), [](char a, char b) { return a == (b | 0x20); });
}

}  // namespace

Credentials parse_authorization(std::string_view header) {
  if (has_scheme(header, "bearer")) return {std::string(trim(header.substr(7))), ""};
  if (!has_scheme(header, "basic")) return {};
  const std::optional<std::string> decoded = decode_base64(trim(header.substr(6)));
  // A missing colon is seen in the wild: then the whole text is the user.
  if (!decoded) return {};
  const size_t colon = std::min(decoded->find(':'), decoded->size());
  return {decoded->substr(0, colon), colon < decoded->size() ? decoded->substr(colon + 1) : ""};
}

Tenants::Tenants(std::vector<model::Tenant> tenants) : tenants_(std::move(tenants)) {
  for (size_t i = 0; i < tenants_.size(); ++i) {
    // A key that stands twice would be refused by the configuration, so emplace() never meets one twice.
    model::Tenant& tenant = tenants_[i];
    by_name_.emplace(tenant.name, i);
    if (!tenant.server_keys.empty()) with_server_key_.insert(tenant.name);
    if (!tenant.app_id.empty() && !tenant.app_secret.empty())
      by_app_id_.emplace(tenant.app_id, App{i, SecretHash::of_configured(tenant.app_secret)});
    for (const auto& [keys, scope] :
         {std::pair{&tenant.write_keys, model::KeyScope::kWrite}, {&tenant.server_keys, model::KeyScope::kServer}}) {
      for (std::string& key : *keys)
        if (!key.empty()) by_key_.emplace(SecretHash::of_configured(key), Key{i, scope});
      // What is only compared need not be kept.
      keys->clear();
    }
    tenant.app_secret.clear();
  }
}

std::optional<Sender> Tenants::by_key(std::string_view key) const {
  if (key.empty()) return std::nullopt;
  const auto found = by_key_.find(SecretHash::of(key));
  if (found == by_key_.end()) return std::nullopt;
  return Sender{&tenants_[found->second.tenant], found->second.scope};
}

const model::Tenant* Tenants::by_write_key(std::string_view key) const {
  const auto sender = by_key(key);
  return sender && sender->scope == model::KeyScope::kWrite ? sender->tenant : nullptr;
}

std::optional<Sender> Tenants::by_secret(std::string_view app_id, std::string_view secret) const {
  const auto found = by_app_id_.find(app_id);
  if (found == by_app_id_.end() || secret.empty()) return std::nullopt;
  if (found->second.secret != SecretHash::of(secret)) return std::nullopt;
  return Sender{&tenants_[found->second.tenant], model::KeyScope::kServer};
}

bool Tenants::has_server_key(const model::Tenant& tenant) const { return with_server_key_.contains(tenant.name); }

const model::Tenant* Tenants::by_name(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tenants_[found->second];
}

}  // namespace freshet::ingest
