#include "base/text.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace freshet {
namespace {

TEST(Text, IsTrimmedAtBothEnds) {
  EXPECT_EQ(trim(" \ta b\t "), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim(" a\n"), "a\n");
  EXPECT_EQ(trim(" a\r\n", " \r\n"), "a");
}

TEST(Text, KnowsDigitsAndNamesOfAscii) {
  for (int code = -128; code < 128; ++code) {
    const char c = static_cast<char>(code);
    EXPECT_EQ(is_digit(c), std::string_view("0123456789").find(c) != std::string_view::npos) << code;
    const bool letter = (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
    EXPECT_EQ(is_letter(c), letter) << code;
    EXPECT_EQ(is_name_char(c), letter || is_digit(c) || c == '_') << code;
  }
}

TEST(Text, IsPlainWithoutWhatIsNotAscii) {
  EXPECT_EQ(plain_ascii("a b~"), "a b~");
  EXPECT_EQ(plain_ascii("gr\xc3\xbc\xc3\x9f\n\xff"), "gr??????");
}

TEST(Text, IsEncodedForAddresses) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c=\xc3\xbc"), "a%20b%2Fc%3D%C3%BC");
  EXPECT_EQ(percent_encode("a b/c", "/"), "a%20b/c");
}

TEST(Text, IsJoinedWithWhatIsBetween) {
  EXPECT_EQ(joined(std::vector<std::string>(), ", "), "");
  EXPECT_EQ(joined(std::vector<std::string>{"a"}, ", "), "a");
  EXPECT_EQ(joined(std::set<std::string_view>{"b", "", "a"}, "|"), "|a|b");
  EXPECT_EQ(joined(std::vector<int32_t>{3, -1}, "."), "3.-1");
}

}  // namespace
}  // namespace freshet
