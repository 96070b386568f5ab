// The replaced checksum is the library's, and the library uses it.
#include "kv/crc32c.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <rocksdb/version.h>

#include <cstdint>
#include <filesystem>

namespace freshet::kv {
namespace {

constexpr const char* kSymbol = "_ZN7rocksdb6crc32c6ExtendEjPKcm";
using ExtendFn = uint32_t (*)(uint32_t, const char*, size_t);

ExtendFn in_use() { return reinterpret_cast<ExtendFn>(dlsym(RTLD_DEFAULT, kSymbol)); }

// The library's file has its version in its name, so it is found by another one of its functions.
ExtendFn of_the_library() {
  Dl_info where{};
  if (dladdr(reinterpret_cast<void*>(&rocksdb::GetRocksVersionAsString), &where) == 0) return nullptr;
  void* library = dlopen(where.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  return library == nullptr ? nullptr : reinterpret_cast<ExtendFn>(dlsym(library, kSymbol));
}

TEST(Crc32c, TheLibraryFindsOurs) {
#if defined(__x86_64__)
  static_cast<void>(fast_crc32c());
  Dl_info where{};
  ASSERT_NE(dladdr(reinterpret_cast<void*>(in_use()), &where), 0);
  EXPECT_TRUE(std::string(where.dli_fname).find("librocksdb") == std::string::npos) << where.dli_fname;
#endif
}

TEST(Crc32c, KnownValue) {  // of RFC 3720's algorithm
  EXPECT_EQ(in_use()(0, "123456789", 9), 0xe3069283u);
}

RC_GTEST_PROP(Crc32c, EqualsTheLibrarys, (uint32_t init, const std::string& first, const std::string& second)) {
  const ExtendFn theirs = of_the_library();
  RC_ASSERT(theirs != nullptr);
  RC_ASSERT(theirs != in_use());
  const std::string both = first + second;
  RC_ASSERT(in_use()(init, both.data(), both.size()) == theirs(init, both.data(), both.size()));
  const uint32_t part = in_use()(init, first.data(), first.size());
  RC_ASSERT(in_use()(part, second.data(), second.size()) == theirs(init, both.data(), both.size()));
}

}  // namespace
}  // namespace freshet::kv
