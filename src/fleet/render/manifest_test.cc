#include "fleet/render/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::string kHash(32, 'a');

TEST(Manifest, IsReadAsItWasWritten) {
  const Hashes hashes = {{"a/b.yml", kHash}, {"c d.yml", std::string(32, '0')}};
  const std::string text = write_manifest(hashes, "# of a fleet\n");
  EXPECT_EQ(text, "# of a fleet\n" + kHash + "  a/b.yml\n" + std::string(32, '0') + "  c d.yml\n");
  const auto read = parse_manifest(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, hashes);
  EXPECT_THAT(*parse_manifest(kHash + "  no-end-of-line"), ElementsAre(Pair("no-end-of-line", kHash)));
  EXPECT_TRUE(parse_manifest("")->empty());
}

TEST(Manifest, WhatIsWrongIsSaidWithItsLine) {
  const auto refused = [](const std::string& line) {
    const auto read = parse_manifest("# a comment\n" + line + "\n");
    return read ? "taken" : read.error().message;
  };
  for (const std::string& line :
       std::vector<std::string>{std::string(), std::string("x"), kHash, kHash + " a", std::string(31, 'a') + "g  a",
                                std::string(32, 'A') + "  a", kHash + "\ta"}) {
    EXPECT_THAT(refused(line), HasSubstr("line 2: must be a hash")) << line;
  }
  for (const std::string& path :
       std::vector<std::string>{"", "/etc/passwd", "..", "../a", "a/../../b", "a/../b", "a//b", "./a", "a/", "."}) {
    EXPECT_THAT(refused(kHash + "  " + path), HasSubstr("line 2: " + path + " is not inside the folder")) << path;
  }
  EXPECT_THAT(refused(kHash + "  a\n" + kHash + "  a"), HasSubstr("line 3: a is there twice"));
}

}  // namespace
}  // namespace freshet::fleet
