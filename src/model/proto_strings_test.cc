// Strings of messages are UTF-8, whoever looks at them first (proto/utf8_check.cc).
#include <gtest/gtest.h>

#include <string>

#include "freshet/v1/envelope.pb.h"

namespace freshet::model {
namespace {

// The same field as bytes of whatever kind.
std::string message_with(const std::string& text) {
  std::string bytes = "\x0a";
  for (size_t size = text.size(); size > 0 || bytes.size() == 1; size >>= 7)
    bytes += static_cast<char>((size & 127) | (size > 127 ? 128 : 0));
  return bytes + text;
}

bool reads(const std::string& text) {
  v1::Identifier identifier;
  return identifier.ParseFromString(message_with(text)) && identifier.type() == text;
}

TEST(ProtoStrings, WhatIsNotUtf8IsRefusedWhereverItStands) {
  for (size_t size = 0; size < 40; ++size) {
    EXPECT_TRUE(reads(std::string(size, 'x'))) << size;
    for (size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      text[at] = '\xff';
      EXPECT_FALSE(reads(text)) << size << " " << at;
      if (at + 1 == size) continue;
      text.replace(at, 2, "\xc3\xa9");
      EXPECT_TRUE(reads(text)) << size << " " << at;
      text[at + 1] = 'x';
      EXPECT_FALSE(reads(text)) << size << " " << at;
    }
  }
  EXPECT_TRUE(reads(std::string(1000, 'x')));
  EXPECT_FALSE(reads(std::string(1000, 'x') + "\x80"));
}

}  // namespace
}  // namespace freshet::model
