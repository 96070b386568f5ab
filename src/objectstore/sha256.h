// SHA-256 and its HMAC (FIPS 180-4, RFC 2104), by OpenSSL. They name contents and sign requests to
// S3.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::objectstore {

// 32 bytes.
using Digest = std::array<unsigned char, 32>;

[[nodiscard]] inline std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
[[nodiscard]] std::string hex(const Digest& digest);

// Hashes bytes that come in pieces. One thread uses it.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::string_view bytes);
  // The hash of all that was added. Call it once, and add nothing after it.
  [[nodiscard]] Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

[[nodiscard]] Digest sha256(std::string_view bytes);
[[nodiscard]] Digest hmac_sha256(std::string_view key, std::string_view bytes);

}  // namespace freshet::objectstore
