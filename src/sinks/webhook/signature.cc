// As Standard Webhooks says it (https://www.standardwebhooks.com), so that receivers verify with the libraries that
// they have.
#include "sinks/webhook/signature.h"

#include <fmt/core.h>

#include <optional>

#include "base/base64.h"
#include "objectstore/sha256.h"

namespace freshet::sinks {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";

}  // namespace

// A secret of the form whsec_… is base64 of the key; any other text is the key itself, which some receivers want.
Result<std::string> key_of_secret(std::string_view secret) {
  if (!secret.starts_with(kSecretPrefix)) {
    if (secret.empty()) return fail(Code::kInvalid, "secret: is empty");
    return std::string(secret);
  }
  const std::string_view encoded = secret.substr(kSecretPrefix.size());
  // Receivers' libraries know the standard alphabet alone, and would have another key or none.
  auto key = encoded.find_first_of("-_") == std::string_view::npos ? decode_base64(encoded) : std::nullopt;
  if (!key || key->empty()) return fail(Code::kInvalid, "secret: what is behind whsec_ must be base64");
  return *std::move(key);
}

std::string signature_of(std::string_view key, std::string_view id, int64_t seconds, std::string_view body) {
  // Id and time are signed with the body, or an old delivery could be sent again as a new one.
  const objectstore::Digest digest = objectstore::hmac_sha256(key, fmt::format("{}.{}.{}", id, seconds, body));
  return "v1," + encode_base64(objectstore::view(digest));
}

}  // namespace freshet::sinks
