#include "ingest/items/json_fault.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include <string>

namespace freshet::ingest {
namespace {

std::string fault_in(std::string_view text) {
  const auto fault = find_json_fault(text);
  return fault ? fault->text() : "none";
}

// Senders that forget a header or send what their tool makes: what it is, is told, and not what its first byte lacks.
TEST(JsonFault, NamesTextsOfOtherForms) {
  EXPECT_EQ(fault_in("\x1f\x8b\x08"), "not valid JSON at byte 0: the text is gzip, and no Content-Encoding says so");
  EXPECT_EQ(fault_in("\x28\xb5\x2f\xfd\x04"),
            "not valid JSON at byte 0: the text is zstd, which is not read here; send gzip or plain JSON");
  for (const std::string_view text : {std::string_view("{\0\"\0", 4), std::string_view("\0{\0\"", 4),
                                      std::string_view("\xff\xfe{\0", 4), std::string_view("\xfe\xff\0{", 4)})
    EXPECT_EQ(fault_in(text), "not valid JSON at byte 0: the text is UTF-16; JSON is sent as UTF-8");
  for (const char* text : {"data=%7B%22a%22%3A1%7D", "%7B%22a%22%3A1%7D", "%7b%22a%22%3a1%7d"})
    EXPECT_EQ(fault_in(text), "not valid JSON at byte 0: the text is a form; send the JSON itself");
  EXPECT_EQ(fault_in("data"), "not valid JSON at byte 0: data is no JSON");
}

TEST(JsonFault, IsToldWithItsByteAndTheValueThatItIsIn) {
  EXPECT_EQ(fault_in(R"({"batch":[{"a":1},{"properties":{"total":NaN}}]})"),
            "not valid JSON at byte 41, in batch[1].properties.total: NaN is no JSON");
  EXPECT_EQ(fault_in("{\"a\":[1,2,\"x\n\"]}"),
            "not valid JSON at byte 12, in a[2]: a text has a control character, such as a line end, that is not "
            "escaped");
  EXPECT_EQ(fault_in("{\"a\":\"\xc3\xa4\xff\"}"), "not valid JSON at byte 8, in a: a byte that is not UTF-8");
  EXPECT_EQ(fault_in("{\"a\":{\"b\":\"x}"), "not valid JSON at byte 13, in a.b: the text ends here, too early");
  EXPECT_EQ(fault_in(R"({"a":1,})"), "not valid JSON at byte 7: a name in double quotes is expected");
  EXPECT_EQ(fault_in(R"({"l":[{"a":1 "b":2}]})"), "not valid JSON at byte 13, in l[0]: a comma or } is expected");
  EXPECT_EQ(fault_in(R"([1 2])"), "not valid JSON at byte 3: a comma or ] is expected");
  EXPECT_EQ(fault_in(R"({"a" 1})"), "not valid JSON at byte 5: a colon is expected behind a name");
  EXPECT_EQ(fault_in(R"({'a':1})"), "not valid JSON at byte 1: a name in double quotes is expected");
  EXPECT_EQ(fault_in(R"({"a":'b'})"), "not valid JSON at byte 5, in a: texts stand in double quotes");
  EXPECT_EQ(fault_in(R"({"a":"\x"})"), "not valid JSON at byte 6, in a: a backslash begins no escape here");
  EXPECT_EQ(fault_in(R"({"a":"\u12"})"), "not valid JSON at byte 6, in a: \\u wants four hexadecimal digits");
  EXPECT_EQ(fault_in(R"({"a":01})"), "not valid JSON at byte 6, in a: a number begins with 0");
  EXPECT_EQ(fault_in(R"({"a":1.})"), "not valid JSON at byte 7, in a: a number wants a digit here");
  EXPECT_EQ(fault_in(R"({} {})"), "not valid JSON at byte 3: something follows behind the end of the value");
  EXPECT_EQ(fault_in("\xef\xbb\xbf{\"a\":undefined}"), "not valid JSON at byte 8, in a: undefined is no JSON")
      << "the mark counts among the bytes";
  EXPECT_EQ(fault_in(""), "not valid JSON at byte 0: the text ends here, too early");
}

TEST(JsonFault, APathIsBounded) {
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep += R"({")" + std::string(100, 'k') + R"(":)";
  const auto fault = find_json_fault(deep);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->what, "values are nested too deep");
  EXPECT_LT(fault->path.size(), 500u);
  EXPECT_FALSE(find_json_fault(std::string(1000, '[') + std::string(1000, ']')));
}

// Both read by the same rules, so whatever the parser refuses has a place.
RC_GTEST_PROP(JsonFault, IsFoundWhereSimdjsonRefuses, ()) {
  const auto piece = rc::gen::elementOf(std::vector<std::string>{"{",
                                                                 "}",
                                                                 "[",
                                                                 "]",
                                                                 ",",
                                                                 ":",
                                                                 "\"a\"",
                                                                 "\"b\\n\"",
                                                                 "\"\xc3\xa4\"",
                                                                 "\"\xed\xa0\x80\"",
                                                                 "\"\xf0\x80\x80\x80\"",
                                                                 "\"\xe2\x82\"",
                                                                 "\"",
                                                                 "\\",
                                                                 "1",
                                                                 "-0.5e-0",
                                                                 "01",
                                                                 "1.",
                                                                 "-",
                                                                 "true",
                                                                 "nul",
                                                                 "NaN",
                                                                 " ",
                                                                 "\n",
                                                                 "\t",
                                                                 "\"\\u00e4\"",
                                                                 "\"\\q\"",
                                                                 "\x01",
                                                                 "\xff"});
  std::string text;
  for (const std::string& part : *rc::gen::container<std::vector<std::string>>(piece)) text += part;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const bool is_json = parser.parse(simdjson::padded_string(text)).get(root) == simdjson::SUCCESS;
  const auto fault = find_json_fault(text);
  RC_ASSERT(is_json == !fault);
  if (fault) RC_ASSERT(fault->at <= text.size());
}

}  // namespace
}  // namespace freshet::ingest
