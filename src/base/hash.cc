// The hash functions, each by the library that is trusted for it; murmur2 is our own because it
// must equal Kafka's.

#include "base/hash.h"

#include <sodium/crypto_shorthash_siphash24.h>
#include <xxhash.h>

#include "base/assert.h"

namespace freshet {

Hash128 Hash128::from(std::string_view raw) {
  FRESHET_ASSERT(raw.size() == 16);
  Hash128 h;
  std::memcpy(h.bytes.data(), raw.data(), raw.size());
  return h;
}

std::string Hash128::hex() const { return to_hex(view()); }

Hash128 hash128(std::string_view bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  return Hash128::from({reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest});
}

Hash128 keyed_hash128(std::string_view key16, std::string_view bytes) {
  FRESHET_ASSERT(key16.size() == crypto_shorthash_siphashx24_KEYBYTES);
  Hash128 h;
  crypto_shorthash_siphashx24(h.bytes.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                              reinterpret_cast<const unsigned char*>(key16.data()));
  return h;
}

// Source: org.apache.kafka.common.utils.Utils.murmur2 (Apache Kafka), checked against known values in hash_test.cc.
uint32_t murmur2(std::string_view bytes) {
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  constexpr int kShift = 24;
  uint32_t h = 0x9747b28cu ^ static_cast<uint32_t>(bytes.size());
  size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    // memcpy reads four bytes at any address; a cast would need them to be aligned.
    uint32_t k;
    std::memcpy(&k, bytes.data() + i, 4);
    k *= kMultiplier;
    k ^= k >> kShift;
    k *= kMultiplier;
    h = h * kMultiplier ^ k;
  }
  // The up to three bytes that are left are mixed in as one little-endian number.
  if (const size_t rest = bytes.size() - i; rest > 0) {
    uint32_t tail = 0;
    for (size_t n = rest; n-- > 0;) tail = tail << 8 | static_cast<unsigned char>(bytes[i + n]);
    h = (h ^ tail) * kMultiplier;
  }
  h ^= h >> 13;
  h *= kMultiplier;
  return h ^ h >> 15;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::string from_hex(std::string_view hex) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  // An odd number of digits is no sequence of bytes.
  if (hex.size() % 2 != 0) return {};
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]);
    const int low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

}  // namespace freshet
