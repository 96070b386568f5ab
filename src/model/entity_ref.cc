// References in two forms. On the wire an id is two words, as a string of 16 bytes would be an allocation for each of
// the thousand references that a large profile has.
#include "model/entity_ref.h"

#include <bit>

#include "model/home.h"
#include "model/identifier.h"

namespace freshet::model {
namespace {

uint64_t word_at(const Hash128& h, size_t at) {
  uint64_t word;
  std::memcpy(&word, h.bytes.data() + at, sizeof word);
  return __builtin_bswap64(word);
}

void put_word(Hash128& h, size_t at, uint64_t word) {
  word = __builtin_bswap64(word);
  std::memcpy(h.bytes.data() + at, &word, sizeof word);
}

static_assert(std::endian::native == std::endian::little, "ids are stored as big-endian words");

}  // namespace

EntityRef from_proto(const v1::EntityRef& ref) {
  EntityRef out;
  put_word(out.id, 0, ref.id_high());
  put_word(out.id, 8, ref.id_low());
  out.rank = ref.rank();
  out.shared_root = ref.shared_root();
  out.kind = ref.kind();
  return out;
}

void to_proto(const EntityRef& ref, v1::EntityRef& out) {
  out.set_id_high(word_at(ref.id, 0));
  out.set_id_low(word_at(ref.id, 8));
  out.set_rank(ref.rank);
  out.set_shared_root(ref.shared_root);
  out.set_kind(ref.kind);
}

bool survives(const EntityRef& a, const EntityRef& b) { return a.rank != b.rank ? a.rank < b.rank : a.id < b.id; }

// The id depends on nothing but the identifier and its generation: no counter, no clock, no partition. So the same
// stream makes the same ids wherever and however often it is replayed.
Hash128 entity_id(std::string_view tenant, v1::EntityKind kind, const v1::Identifier& root, uint32_t generation) {
  std::string key = identifier_key(tenant, kind, root);
  const Home home = murmur2(key);
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(generation >> shift & 0xff);
  return with_home(hash128(key), home);
}

}  // namespace freshet::model
