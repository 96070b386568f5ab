#include "http/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdio>

#include "http/message.h"
#include "http/response.h"

namespace freshet::http {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(PercentDecode, ReadsEscapes) {
  EXPECT_EQ(*percent_decode("a%20b+c", true), "a b c");
  EXPECT_EQ(*percent_decode("a%20b+c", false), "a b+c");
  EXPECT_EQ(*percent_decode("%C3%a9", false), "\xC3\xA9");
  EXPECT_EQ(*percent_decode("%2525", false), "%25");  // once
  EXPECT_EQ(*percent_decode("", false), "");
}

TEST(PercentDecode, RefusesMalformedEscapes) {
  for (const char* text : {"%", "%1", "a%", "%zz", "%1g", "%%20"}) {
    const auto out = percent_decode(text, false);
    ASSERT_FALSE(out) << text;
    EXPECT_EQ(out.error().code, Code::kInvalid);
  }
}

TEST(PercentDecode, UndoesEncoding) {
  ASSERT_TRUE(rc::check([](const std::string& text) {
    std::string encoded;
    for (const char c : text) {
      char escape[4];
      std::snprintf(escape, sizeof escape, "%%%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      encoded += escape;
    }
    RC_ASSERT(*percent_decode(encoded, true) == text);
    RC_ASSERT(*percent_decode(encoded, false) == text);
  }));
}

TEST(ParseQuery, KeepsOrderAndRepetitions) {
  EXPECT_THAT(*parse_query("a=1&b=x%3Dy&a=2"), ElementsAre(Pair("a", "1"), Pair("b", "x=y"), Pair("a", "2")));
  EXPECT_THAT(*parse_query("&flag&&empty=&=v&a=b=c"),
              ElementsAre(Pair("flag", ""), Pair("empty", ""), Pair("", "v"), Pair("a", "b=c")));
  EXPECT_TRUE(parse_query("")->empty());
  EXPECT_FALSE(parse_query("a=1&b=%"));
  EXPECT_FALSE(parse_query("%=1"));
}

TEST(ResponseHead, CantBeSplitByAValue) {
  Response response;
  response.body = "x";
  response.headers = {{"X-Echo", "a\r\nSet-Cookie: b"}};
  const std::string head = response_head(response, {});
  EXPECT_EQ(head.find("\r\nSet-Cookie"), std::string::npos);
  EXPECT_NE(head.find("X-Echo: aSet-Cookie: b\r\n"), std::string::npos);
}

TEST(ErrorResponse, IsJson) {
  EXPECT_EQ(error_response(400, "bad", "say \"it\"\n\\").body,
            "{\"error\":{\"code\":\"bad\",\"message\":\"say \\\"it\\\"\\n\\\\\"}}\n");
}

}  // namespace
}  // namespace freshet::http
