#include "model/home.h"

#include "model/identifier.h"

namespace freshet::model {
namespace {

constexpr size_t kAt = 12;

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

uint32_t partition_of(const Hash128& hash, uint32_t partitions) {
  return (home_in(hash) & 0x7fffffffu) % partitions;  // as freshet::partition_of does
}

Hash128 alias_key(std::string_view hash_key, std::string_view tenant, v1::EntityKind kind,
                  const v1::Identifier& identifier) {
  const std::string key = identifier_key(tenant, kind, identifier);
  return with_home(keyed_hash128(hash_key, key), murmur2(key));
}

}  // namespace freshet::model
