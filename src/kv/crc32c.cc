// One function of RocksDB, defined once more with the processor's instruction. It must give the same bits as the
// library's: files written with the one are checked with the other (crc32c_test.cc compares them).
#include "kv/crc32c.h"

#if defined(__x86_64__)

#include <dlfcn.h>
#include <nmmintrin.h>

#include <cstdint>
#include <cstring>

#include "base/assert.h"

namespace freshet::kv {
namespace {

using ExtendFn = uint32_t (*)(uint32_t, const char*, size_t);

__attribute__((target("sse4.2"))) uint32_t extend_by_instruction(uint32_t crc, const char* data, size_t size) {
  uint64_t state = crc ^ 0xffffffffu;
  for (; size >= 8; data += 8, size -= 8) {
    uint64_t word = 0;
    std::memcpy(&word, data, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto rest = static_cast<uint32_t>(state);
  for (; size > 0; ++data, --size) rest = _mm_crc32_u8(rest, static_cast<unsigned char>(*data));
  return rest ^ 0xffffffffu;
}

ExtendFn choose() {
  if (__builtin_cpu_supports("sse4.2")) return extend_by_instruction;
  const auto next = reinterpret_cast<ExtendFn>(dlsym(RTLD_NEXT, "_ZN7rocksdb6crc32c6ExtendEjPKcm"));
  FRESHET_ASSERT(next != nullptr);
  return next;
}

// RocksDB may ask before our static objects exist, so the choice is made at the first question.
ExtendFn chosen() {
  static const ExtendFn extend = choose();
  return extend;
}

}  // namespace

bool fast_crc32c() { return chosen() == extend_by_instruction; }

uint32_t crc32c(std::string_view bytes, uint32_t before) { return chosen()(before, bytes.data(), bytes.size()); }

}  // namespace freshet::kv

// The library's header is not installed; this is its function's signature.
namespace rocksdb::crc32c {

uint32_t Extend(uint32_t init_crc, const char* data, size_t n);
uint32_t Extend(uint32_t init_crc, const char* data, size_t n) { return freshet::kv::chosen()(init_crc, data, n); }

}  // namespace rocksdb::crc32c

#else

namespace rocksdb::crc32c {
uint32_t Extend(uint32_t init_crc, const char* data, size_t n);
}

namespace freshet::kv {
bool fast_crc32c() { return false; }
uint32_t crc32c(std::string_view bytes, uint32_t before) {
  return rocksdb::crc32c::Extend(before, bytes.data(), bytes.size());
}
}  // namespace freshet::kv

#endif
