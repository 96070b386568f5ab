// SCRAM as RFC 5802 and RFC 7677 have it, without channel binding, which Kafka does not offer: neither side sends the
// password, each proves that it knows it, and who listens can't use what he has heard.
#include "cluster/protocol/scram.h"

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "base/base64.h"
#include "base/number.h"

namespace freshet::cluster::protocol {
namespace {

constexpr std::string_view kNoChannelBinding = "n,,";

const EVP_MD* digest_of(ScramHash hash) { return hash == ScramHash::kSha256 ? EVP_sha256() : EVP_sha512(); }

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string hmac(ScramHash hash, std::string_view key, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  const auto* const done = HMAC(digest_of(hash), key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(),
                                bytes_of(out), &size);
  FRESHET_ASSERT(done != nullptr);
  out.resize(size);
  return out;
}

std::string plain_hash(ScramHash hash, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  const int done = EVP_Digest(text.data(), text.size(), bytes_of(out), &size, digest_of(hash), nullptr);
  FRESHET_ASSERT(done == 1);
  out.resize(size);
  return out;
}

// The value of `name` in "r=…,s=…,i=…"; "" if there is none.
std::string_view attribute(std::string_view message, char name) {
  while (!message.empty()) {
    const std::string_view part = message.substr(0, message.find(','));
    if (part.size() >= 2 && part[0] == name && part[1] == '=') return part.substr(2);
    message.remove_prefix(std::min(message.size(), part.size() + 1));
  }
  return {};
}

// Commas part the attributes of a message, so a user's name may have none (RFC 5802, section 5.1).
std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '=') {
      out += "=3D";
    } else if (c == ',') {
      out += "=2C";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string salted_password(ScramHash hash, std::string_view password, std::string_view salt, int iterations) {
  std::string out(static_cast<size_t>(EVP_MD_get_size(digest_of(hash))), '\0');
  const int done = PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt),
                                     static_cast<int>(salt.size()), iterations, digest_of(hash),
                                     static_cast<int>(out.size()), bytes_of(out));
  FRESHET_ASSERT(done == 1);
  return out;
}

Scram::Scram(ScramHash hash, std::string user, std::string password, std::string nonce)
    : hash_(hash), user_(std::move(user)), password_(std::move(password)), nonce_(std::move(nonce)) {
  FRESHET_ASSERT(!nonce_.empty() && nonce_.find(',') == std::string::npos);
}

std::string Scram::first() const { return fmt::format("{}n={},r={}", kNoChannelBinding, escaped(user_), nonce_); }

// The names are those of RFC 5802, section 3. What is signed are the three messages so far, so that nobody in between
// can have changed one, as to ask for fewer iterations.
Result<std::string> Scram::final(std::string_view server_first) {
  const std::string_view nonce = attribute(server_first, 'r');
  const std::string salt = decode_base64(attribute(server_first, 's')).value_or("");
  const auto said = to_number<int>(attribute(server_first, 'i'));
  if (salt.empty() || !said)
    return fail(Code::kInvalid, "SCRAM: the broker's first answer has no nonce, salt and iterations");
  const int iterations = *said;
  if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size())
    return fail(Code::kInvalid, "SCRAM: the broker answers to somebody else's nonce");
  if (iterations < 1 || iterations > kIterationsMax)
    return fail(Code::kInvalid,
                fmt::format("SCRAM: the broker asks for {} iterations; 1 to {} are done", iterations, kIterationsMax));

  const std::string password = salted_password(hash_, password_, salt, iterations);
  const std::string client_key = hmac(hash_, password, "Client Key");
  const std::string without_proof = fmt::format("c={},r={}", encode_base64(kNoChannelBinding), nonce);
  const std::string signed_text =
      fmt::format("{},{},{}", std::string_view(first()).substr(kNoChannelBinding.size()), server_first, without_proof);
  std::string proof = hmac(hash_, plain_hash(hash_, client_key), signed_text);
  FRESHET_ASSERT(proof.size() == client_key.size());
  for (size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
  server_signature_ = hmac(hash_, hmac(hash_, password, "Server Key"), signed_text);
  return fmt::format("{},p={}", without_proof, encode_base64(proof));
}

// A broker that does not know the password could take any proof: its own signature shows that it does.
Status Scram::verify(std::string_view server_final) const {
  FRESHET_ASSERT(!server_signature_.empty());
  if (const std::string_view refusal = attribute(server_final, 'e'); !refusal.empty())
    return fail(Code::kInvalid, fmt::format("SCRAM: the broker refuses: {}", refusal));
  const std::string signature = decode_base64(attribute(server_final, 'v')).value_or("");
  const bool same = signature.size() == server_signature_.size() &&
                    CRYPTO_memcmp(signature.data(), server_signature_.data(), signature.size()) == 0;
  if (!same) return fail(Code::kInvalid, "SCRAM: the broker does not know the password itself: it is somebody else");
  return {};
}

}  // namespace freshet::cluster::protocol
