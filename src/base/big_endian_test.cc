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

TEST(BigEndian, IsReadAsItWasWritten) {
  for (const uint64_t number : {uint64_t{0}, uint64_t{1}, uint64_t{0x8000'0000'0000'00ff}, ~uint64_t{0}}) {
    EXPECT_EQ(read_big_endian<uint64_t>(bytes_of(number)), number);
    EXPECT_EQ(read_big_endian<uint32_t>(bytes_of(static_cast<uint32_t>(number)) + "more"),
              static_cast<uint32_t>(number));
    EXPECT_EQ(read_big_endian<uint8_t>(bytes_of(static_cast<uint8_t>(number))), static_cast<uint8_t>(number));
  }
}

}  // namespace
}  // namespace freshet
