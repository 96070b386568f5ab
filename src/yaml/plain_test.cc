#include "yaml/plain.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <iterator>

#include "testing/dice.h"
#include "testing/project_path.h"
#include "testing/yaml_same.h"

namespace freshet::yaml {
namespace {

const std::vector<std::string> kPlain = {
    "a: 1\n",
    "a: 1",
    "a:\n  b: x y # c\n  c: [1, \"t: u\", 'v']\n# end",
    "a:\n- b: 1\n  c:\n  - d\n  - e: [{f: g}, {}]\n-  h\nz: 3d\n",
    "list:\n  - - a\n    - b\n  -\n    c: -5\nnothing:\nalso:   # nothing\nlast: 12:30 it's 50%\n",
    "a: {b: [x,y], c: \"\"}\nb: [\n  1,\n  2 # two\n  ]\n",
    "# ä comment\n\n  \nurl: http://h:80/p?",
};

const std::vector<std::string> kNotPlain = {
    "",
    "a",
    "- \n- a\n",
    "a: &x 1\n",
    "a: |\n  text\n",
    "a: b\n  c\n",
    "a: b: c\n",
    "a: \"\\n\"\n",
    "a: 'it''s'\n",
    "a: null\n",
    "\"a\": 1\n",
    "a : 1\n",
    "? a\n: b\n",
    "a: [b, ]\n",
    "a: [b\n",
    "--- \na: 1",
    "a:\t1\n",
    "a: 1\r\nb: 2\n",
    "a: 1\n b: 2\n",
    "a: [1] x\n",
    "a: !t b\n",
    "a: *b\n",
    "a: [x: y]\n",
    "a: {b}\n",
    "a: ~\n",
    "a: 1\n- b\n",
};

TEST(Plain, ReadsThePlainPart) {
  for (const std::string& text : kPlain) {
    EXPECT_EQ(parse_plain(text).has_value(), text.find('?') == std::string::npos) << text;
    EXPECT_TRUE(plain_agrees(text)) << text;
  }
}

TEST(Plain, LeavesTheRestToTheFullParser) {
  for (const std::string& text : kNotPlain) {
    EXPECT_FALSE(parse_plain(text).has_value()) << text;
    EXPECT_TRUE(plain_agrees(text)) << text;
  }
}

TEST(Plain, ReadsTheExamplesOfFleets) {
  for (const char* name : {"small", "shop", "twenty", "monolith"}) {
    std::ifstream file(project_path("examples/fleet/" + std::string(name) + ".yaml"), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_TRUE(parse_plain(text).has_value()) << name;
    EXPECT_TRUE(plain_agrees(text)) << name;
  }
}

// Plain texts with pieces put in, taken out and moved.
RC_GTEST_PROP(Plain, AgreesWithTheFullParserOnDamagedTexts, ()) {
  Dice dice(*rc::gen::arbitrary<uint64_t>());
  const std::vector<std::string> pieces = {"\n",   " ", "  ", "- ",  ": ", ":", "#",      " # c",  "[",    "]",  "{",
                                           "}",    ",", ", ", "\"",  "'",  "a", "b: 1\n", "---\n", "null", "~",  "-",
                                           "\n\n", "?", "|",  "&x ", "*x", "!", "\\",     "%",     "...",  "\t", "é"};
  std::string text = dice.pick(kPlain);
  for (size_t i = 1 + dice.roll(6); i > 0; --i) {
    const size_t at = dice.roll(text.size() + 1);
    switch (dice.roll(4)) {
      case 0: text.erase(at, 1 + dice.roll(3)); break;
      case 1: text += text.substr(at, dice.roll(20)); break;
      default: text.insert(at, dice.pick(pieces));
    }
  }
  if (!plain_agrees(text)) RC_FAIL(text);
}

}  // namespace
}  // namespace freshet::yaml
