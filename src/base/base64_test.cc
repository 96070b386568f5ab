#include "base/base64.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace freshet {
namespace {

// RFC 4648, section 10.
TEST(Base64, HasTheFormOfTheStandard) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(encode_base64(bytes), text);
    EXPECT_EQ(decode_base64(text), bytes);
  }
}

TEST(Base64, GivesBackEveryByte) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) {
    bytes += static_cast<char>(byte);
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes) << byte;
  }
}

TEST(Base64, IsReadInBothAlphabetsWithAndWithoutPadding) {
  for (const char* text : {"++/+", "--_-", "-+_+"}) EXPECT_EQ(decode_base64(text), "\xfb\xef\xfe") << text;
  EXPECT_EQ(decode_base64("Zg"), "f");
  for (const char* text : {"Zg=a", "Z g", "Zg.", "Zg\n"}) EXPECT_EQ(decode_base64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace freshet
