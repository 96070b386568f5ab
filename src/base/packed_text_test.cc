#include "base/packed_text.h"

#include <gtest/gtest.h>

#include <string>

namespace freshet {
namespace {

TEST(PackedText, GivesBackWhatItWasMadeOf) {
  std::string repeated;
  for (int i = 0; i < 500; ++i) repeated += "{\"type\":\"number\",\"minimum\":" + std::to_string(i) + "}";
  for (const std::string& text : {std::string(), std::string("x"), std::string("\0\xff", 2), repeated}) {
    const PackedText packed(text);
    EXPECT_EQ(packed.text(), text);
    EXPECT_EQ(packed.size(), text.size());
    EXPECT_EQ(packed.empty(), text.empty());
    EXPECT_LE(packed.packed_bytes(), text.size()) << "what can't be made smaller stays as it is";
    EXPECT_EQ(packed, PackedText(text));
    EXPECT_FALSE(packed == PackedText(text + "x"));
  }
  EXPECT_LT(PackedText(repeated).packed_bytes(), repeated.size() / 5);
  EXPECT_EQ(PackedText(), PackedText(""));
  EXPECT_FALSE(PackedText("a") == PackedText("b"));
}

}  // namespace
}  // namespace freshet
