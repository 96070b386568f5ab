#include "fleet/render/hcl.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;
using yaml::plain;

TEST(Hcl, LooksAsTheFormatterWouldHaveIt) {
  const HclBlock inner = {.type = "lifecycle", .attributes = map("ignore_changes", list(plain("ami")))};
  const HclBlock outer = {.type = "resource",
                          .labels = {"aws_instance", "a"},
                          .attributes = map("ami", plain("var.ami"), "instance_type", "c6g.large", "tags",
                                            map("Name", "n", "x y", 1), "count", 2),
                          .blocks = {inner}};
  EXPECT_EQ(write_hcl(map("a", 1), {outer, {.type = "locals"}}),
            "a = 1\n"
            "\n"
            "resource \"aws_instance\" \"a\" {\n"
            "  ami           = var.ami\n"
            "  instance_type = \"c6g.large\"\n"
            "  tags = {\n"
            "    Name  = \"n\"\n"
            "    \"x y\" = 1\n"
            "  }\n"
            "  count = 2\n"
            "\n"
            "  lifecycle {\n"
            "    ignore_changes = [ami]\n"
            "  }\n"
            "}\n"
            "\n"
            "locals {}\n");
  EXPECT_EQ(write_hcl(map("a", list(map("b", 1), list())), {}), "a = [\n  {\n    b = 1\n  },\n  [],\n]\n");
}

TEST(Hcl, TextIsNeverCode) {
  EXPECT_EQ(hcl_string("a\"b\\c\nd\te"), "\"a\\\"b\\\\c\\nd\\te\"");
  EXPECT_EQ(hcl_string("${x} %{if} $x $"), "\"$${x} %%{if} $x $\"");
}

// Takes back what hcl_string does, by the rules of HCL's quoted templates; nullopt: an expression would begin, or it
// ends early.
std::optional<std::string> read_back(std::string_view text) {
  std::string out;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    const char c = text[i];
    const auto next = [&](size_t n) { return i + n < text.size() ? text[i + n] : '\0'; };
    if (c == '"' || c == '\n') return std::nullopt;
    if (c == '\\') {
      const char escaped = next(1);
      out += escaped == 'n' ? '\n' : escaped == 'r' ? '\r' : escaped == 't' ? '\t' : escaped;
      ++i;
    } else if ((c == '$' || c == '%') && next(1) == c && next(2) == '{') {
      out.append(1, c).append("{");
      i += 2;
    } else if ((c == '$' || c == '%') && next(1) == '{') {
      return std::nullopt;
    } else {
      out += c;
    }
  }
  return out;
}

RC_GTEST_PROP(Hcl, AnyTextIsReadBack, ()) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("$", "{", "%", "}", "\\", "\"", "\n", "\t", "a", "ä", "\r"));
  std::string text;
  for (const std::string& part : parts) text += part;
  RC_PRE(text.find("$${") == std::string::npos && text.find("%%{") == std::string::npos);  // has no spelling in HCL
  RC_ASSERT(read_back(hcl_string(text)) == text);
}

}  // namespace
}  // namespace freshet::fleet
