#include "base/number.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace freshet {
namespace {

TEST(Number, IsAllOfTheText) {
  EXPECT_EQ(to_number<uint64_t>("12"), 12u);
  EXPECT_EQ(to_number<int64_t>("-12"), -12);
  EXPECT_EQ(to_number<double>("1.5e3"), 1500);
  for (const char* text : {"", " 12", "12 ", "12abc", "+12", "0x12", "1.5", "-1"})
    EXPECT_EQ(to_number<uint64_t>(text), std::nullopt) << text;
  EXPECT_EQ(to_number<uint64_t>(std::string_view()), std::nullopt);
}

TEST(Number, FitsItsType) {
  EXPECT_EQ(to_number<uint8_t>("255"), 255);
  EXPECT_EQ(to_number<uint8_t>("256"), std::nullopt);
  EXPECT_EQ(to_number<double>("1e999"), std::nullopt);
}

TEST(Number, IsReadOfHexadecimalDigits) {
  EXPECT_EQ(hex_to_number<uint16_t>("00fF"), 0xffu);
  for (const char* text : {"", "0x12", "12g", "-1", "12345"})
    EXPECT_EQ(hex_to_number<uint16_t>(text), std::nullopt) << text;
}

}  // namespace
}  // namespace freshet
