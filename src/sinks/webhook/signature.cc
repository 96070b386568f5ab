// As Standard Webhooks says it (https://www.standardwebhooks.com), so that receivers verify with the libraries that
// they have.
#include "sinks/webhook/signature.h"

#include <fmt/core.h>

#include <array>
#include <optional>

#include "objectstore/sha256.h"

namespace freshet::sinks {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint32_t kSextet = 0x3f;

std::string base64_of(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) out += k <= count ? kBase64[group >> (18 - 6 * k) & kSextet] : '=';
  }
  return out;
}

std::optional<std::string> bytes_of_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t group = 0;
  uint32_t bits = 0;
  for (const char c : text) {
    const size_t digit = kBase64.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    group = group << 6 | static_cast<uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 0xff);
  }
  return out;
}

}  // namespace

// A secret of the form whsec_… is base64 of the key; any other text is the key itself, which some receivers want.
Result<std::string> key_of_secret(std::string_view secret) {
  if (!secret.starts_with(kSecretPrefix)) {
    if (secret.empty()) return fail(Code::kInvalid, "secret: is empty");
    return std::string(secret);
  }
  auto key = bytes_of_base64(secret.substr(kSecretPrefix.size()));
  if (!key || key->empty()) return fail(Code::kInvalid, "secret: what is behind whsec_ must be base64");
  return *std::move(key);
}

std::string signature_of(std::string_view key, std::string_view id, int64_t seconds, std::string_view body) {
  // Id and time are signed with the body, or an old delivery could be sent again as a new one.
  const objectstore::Digest digest = objectstore::hmac_sha256(key, fmt::format("{}.{}.{}", id, seconds, body));
  return "v1," + base64_of(objectstore::view(digest));
}

}  // namespace freshet::sinks
