#include "base/big_endian.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace freshet {
namespace {

std::string bytes_of(auto number) {
  std::string out = "<";
  append_big_endian(out, number);
  return out.substr(1);
}

TEST(BigEndian, IsInTheOrderOfNumbers) {
  EXPECT_EQ(bytes_of(uint32_t{0x01020384}), "\x01\x02\x03\x84");
  EXPECT_EQ(bytes_of(uint64_t{1}), std::string("\0\0\0\0\0\0\0\x01", 8));
  EXPECT_LT(bytes_of(uint32_t{255}), bytes_of(uint32_t{256}));
}

}  // namespace
}  // namespace freshet
