#include "base/secret.h"

#include <sodium/crypto_hash_sha256.h>

#include <algorithm>
#include <string>

#include "base/assert.h"
#include "base/hash.h"

namespace freshet {
namespace {

constexpr std::string_view kHashed = "sha256-";

}  // namespace

SecretHash SecretHash::of(std::string_view secret) {
  SecretHash hash;
  static_assert(sizeof(hash.bytes_) == crypto_hash_sha256_BYTES);
  crypto_hash_sha256(hash.bytes_.data(), reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  return hash;
}

bool SecretHash::looks_hashed(std::string_view text) { return text.starts_with(kHashed); }

bool SecretHash::is_hash(std::string_view text) {
  return looks_hashed(text) && from_hex(text.substr(kHashed.size())).size() == crypto_hash_sha256_BYTES;
}

std::string SecretHash::hex() const { return to_hex(bytes()); }

std::string SecretHash::configured() const { return std::string(kHashed) + hex(); }

SecretHash SecretHash::of_configured(std::string_view text) {
  if (!is_hash(text)) return of(text);
  const std::string bytes = from_hex(text.substr(kHashed.size()));
  SecretHash hash;
  FRESHET_ASSERT(bytes.size() == hash.bytes_.size());
  std::copy(bytes.begin(), bytes.end(), hash.bytes_.begin());
  return hash;
}

}  // namespace freshet
