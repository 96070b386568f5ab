#include "model/home.h"

#include "base/assert.h"
#include "model/identifier.h"

namespace freshet::model {
namespace {

constexpr size_t kAt = 12;  // Where the home begins within a hash.

}  // namespace

Hash128 with_home(const Hash128& hash, Home home) {
  Hash128 out = hash;
  const Home big_endian = __builtin_bswap32(home);
  std::memcpy(out.bytes.data() + kAt, &big_endian, sizeof big_endian);
  return out;
}

Home home_in(const Hash128& hash) {
  Home big_endian;
  std::memcpy(&big_endian, hash.bytes.data() + kAt, sizeof big_endian);
  return __builtin_bswap32(big_endian);
}

// Kafka's clients take the sign off and the remainder, and so does freshet::partition_of. Were this another rule, a
// record would arrive in one partition and its profile be looked for in another.
uint32_t partition_of(const Hash128& hash, uint32_t partitions) {
  FRESHET_ASSERT(partitions > 0);
  return (home_in(hash) & 0x7fffffffu) % partitions;
}

Hash128 alias_key(std::string_view hash_key, std::string_view tenant, v1::EntityKind kind,
                  const v1::Identifier& identifier) {
  const std::string key = identifier_key(tenant, kind, identifier);
  return with_home(keyed_hash128(hash_key, key), murmur2(key));
}

}  // namespace freshet::model
