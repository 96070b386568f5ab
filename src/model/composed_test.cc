#include "model/composed.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace freshet::model {
namespace {

TEST(Composed, ALetterAndItsMarksAreOne) {
  EXPECT_EQ(composed("plain ascii"), "plain ascii");
  EXPECT_EQ(composed("e\u0301"), "\u00e9");
  EXPECT_EQ(composed("\u00e9"), "\u00e9");
  EXPECT_EQ(composed("\u0438\u0306"), "\u0439") << "Cyrillic";
  EXPECT_EQ(composed("\u03b9\u0308\u0301"), "\u0390") << "Greek, with two marks";
  EXPECT_EQ(composed("\u304b\u3099"), "\u304c") << "kana";
  EXPECT_EQ(composed("\u1112\u1161\u11ab\u1100\u1173\u11af"), "\ud55c\uae00") << "Korean";
  EXPECT_EQ(composed("\u0627\u0654"), "\u0623") << "Arabic";
  EXPECT_EQ(composed("q\u0301x"), "q\u0301x") << "there is no such letter";
  EXPECT_EQ(composed("\u0301"), "\u0301") << "there is no letter before it";
}

TEST(Composed, TheOrderOfMarksDoesNotCount) {
  for (const char* text : {"e\u0323\u0302", "e\u0302\u0323", "\u1eb9\u0302", "\u00ea\u0323", "\u1ec7"})
    EXPECT_EQ(composed(text), "\u1ec7") << text;
  for (const char* text : {"e\u0316\u0301", "e\u0301\u0316", "\u00e9\u0316"})
    EXPECT_EQ(composed(text), "\u00e9\u0316") << text;
  EXPECT_EQ(composed("e\u0302\u0302"), "\u00ea\u0302") << "of one kind the first joins";
}

TEST(Composed, WhatIsNoCharacterStays) {
  EXPECT_EQ(composed("e\u0301\xff\xc3"), "\u00e9\xff\xc3");
  EXPECT_EQ(composed("\xff\u0301"), "\xff\u0301");
  EXPECT_EQ(composed("\U0001f600e\u0301"), "\U0001f600\u00e9");
}

RC_GTEST_PROP(Composed, TwiceIsOnce, ()) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(
      std::vector<std::string>{"e", "a", "o", "\u00e9", "\u1ec7", "\u0301", "\u0302", "\u0323", "\u0316", "\u031b",
                               "\u1100", "\u1161", "\u11a8", "\uac00", "\u3099", "\u304b", "\xff", "x", "\U0001f600"}));
  std::string text;
  for (const std::string& part : parts) text += part;
  const std::string once = composed(text);
  RC_ASSERT(composed(once) == once);
}

}  // namespace
}  // namespace freshet::model
