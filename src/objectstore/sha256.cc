// OpenSSL's digests. A failure of these calls means that memory or the library is broken, so they
// are asserted.

#include "objectstore/sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "base/hash.h"

namespace freshet::objectstore {

struct Sha256::Context {
  EVP_MD_CTX* of = EVP_MD_CTX_new();
  bool finished = false;
  ~Context() { EVP_MD_CTX_free(of); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  FRESHET_ASSERT(EVP_DigestInit_ex(context_->of, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) {
  FRESHET_ASSERT(!context_->finished);
  FRESHET_ASSERT(EVP_DigestUpdate(context_->of, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  FRESHET_ASSERT(!context_->finished);
  context_->finished = true;
  Digest digest{};
  FRESHET_ASSERT(EVP_DigestFinal_ex(context_->of, digest.data(), nullptr) == 1);
  return digest;
}

std::string hex(const Digest& digest) { return to_hex(view(digest)); }

Digest sha256(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.finish();
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  Digest digest{};
  unsigned int size = 0;
  FRESHET_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(),
                      &size) != nullptr);
  FRESHET_ASSERT(size == digest.size());
  return digest;
}

}  // namespace freshet::objectstore
