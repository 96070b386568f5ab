// Finds the tenant of a request. Write keys are public by nature (they stand in web pages), so they
// are looked up in a hash table; the data API's secret is not, so it is compared in constant time.

#include "ingest/auth.h"

#include <algorithm>
#include <optional>

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

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  // No early exit: the loop looks at every byte, wherever the first difference is.
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

Tenants::Tenants(std::vector<model::Tenant> tenants) : tenants_(std::move(tenants)) {
  for (size_t i = 0; i < tenants_.size(); ++i) {
    // A key that two tenants share would be refused by the configuration, so emplace() never meets
    // one twice.
    const model::Tenant& tenant = tenants_[i];
    by_name_.emplace(tenant.name, i);
    if (!tenant.app_id.empty() && !tenant.app_secret.empty()) by_app_id_.emplace(tenant.app_id, i);
    for (const std::string& key : tenant.write_keys)
      if (!key.empty()) by_key_.emplace(key, i);
  }
}

const model::Tenant* Tenants::by_write_key(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &tenants_[found->second];
}

const model::Tenant* Tenants::by_secret(std::string_view app_id, std::string_view secret) const {
  const auto found = by_app_id_.find(app_id);
  if (found == by_app_id_.end()) return nullptr;
  const model::Tenant& tenant = tenants_[found->second];
  return equal_in_constant_time(tenant.app_secret, secret) ? &tenant : nullptr;
}

const model::Tenant* Tenants::by_name(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tenants_[found->second];
}

}  // namespace freshet::ingest
