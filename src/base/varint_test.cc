#include "base/varint.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace freshet {
namespace {

std::string varint(uint64_t value) {
  std::string out = "<";
  append_varint(out, value);
  return out.substr(1);
}

// The examples of Protobuf's own description of its encoding.
TEST(Varint, HasTheBytesOfTheFormat) {
  EXPECT_EQ(varint(0), std::string("\0", 1));
  EXPECT_EQ(varint(127), "\x7f");
  EXPECT_EQ(varint(128), "\x80\x01");
  EXPECT_EQ(varint(150), "\x96\x01");
  EXPECT_EQ(varint(std::numeric_limits<uint64_t>::max()), std::string(9, '\xff') + '\x01');
}

TEST(Varint, TakesTurnsBetweenTheSigns) {
  int64_t value = 0;
  for (uint64_t number = 0; number < 10; ++number) {
    EXPECT_EQ(zigzag(value), number);
    value = value >= 0 ? -value - 1 : -value;
  }
  for (const int64_t extreme : {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), int64_t{-1}})
    EXPECT_EQ(from_zigzag(zigzag(extreme)), extreme);
}

}  // namespace
}  // namespace freshet
