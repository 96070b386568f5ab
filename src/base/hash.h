// The hashes of Freshet. All of them are part of stored formats: never change one, add another.
// Which one is used where, and why, is decision 0005.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/assert.h"

namespace freshet {

// 128 bits: entity ids, alias keys, message fingerprints. They are ordered as bytes, so that order
// in memory is order on disk.
struct Hash128 {
  std::array<unsigned char, 16> bytes{};

  // Compares two words each, where the compiler's own operators would call memcmp.
  [[nodiscard]] friend bool operator==(const Hash128& a, const Hash128& b) {
    return a.word(0) == b.word(0) && a.word(1) == b.word(1);
  }
  [[nodiscard]] friend std::strong_ordering operator<=>(const Hash128& a, const Hash128& b) {
    const size_t differs = a.word(0) == b.word(0) ? 1 : 0;
    return __builtin_bswap64(a.word(differs)) <=> __builtin_bswap64(b.word(differs));
  }
  [[nodiscard]] uint64_t word(size_t index) const {  // 0 or 1, as it lies in memory
    uint64_t word;
    std::memcpy(&word, bytes.data() + index * sizeof word, sizeof word);
    return word;
  }
  [[nodiscard]] std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  // REQUIRES: raw.size() == 16.
  [[nodiscard]] static Hash128 from(std::string_view raw);
  [[nodiscard]] std::string hex() const;
};

// For tables in memory: the bytes are a hash already, so one of their words is as good as a hash of
// them.
struct Hash128Hasher {
  size_t operator()(const Hash128& h) const { return h.word(0); }
};

// XXH3 with 128 bits, for fingerprints where nobody gains from a collision.
[[nodiscard]] Hash128 hash128(std::string_view bytes);

// SipHash-2-4 with 128 bits of output, keyed with 16 bytes. It makes alias keys, so that stored
// keys tell nothing of the identifiers behind them, and nobody can choose identifiers that collide.
[[nodiscard]] Hash128 keyed_hash128(std::string_view key16, std::string_view bytes);

// Kafka's murmur2, as its Java client computes it: the partition of a record's key. Another
// producer that uses the same key meets the same partition.
[[nodiscard]] uint32_t murmur2(std::string_view bytes);
[[nodiscard]] inline uint32_t partition_of(std::string_view key, uint32_t partitions) {
  FRESHET_ASSERT(partitions > 0);
  return (murmur2(key) & 0x7fffffffu) % partitions;
}

// Lower-case hex. from_hex returns "" if the text is not hex; it takes upper case too.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::string from_hex(std::string_view hex);
// Whether the text is a Hash128 in hex, as many ids are.
[[nodiscard]] inline bool is_hash_hex(std::string_view text) { return from_hex(text).size() == sizeof(Hash128::bytes); }

}  // namespace freshet
