#include "yaml/writer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace freshet::yaml {
namespace {

TEST(YamlWriter, WritesBlocks) {
  const Node tree = map("name", "front", "replicas", 3, "on", true, "share", 0.25, "none", Node{}, "empty", map(),
                        "tags", list("a", "0123", list(1, 2), map("k", "v", "w", list())));
  EXPECT_EQ(write(tree),
            "name: front\nreplicas: 3\n\"on\": true\nshare: 0.25\nnone: null\nempty: {}\ntags:\n  - a\n  - \"0123\"\n"
            "  -\n    - 1\n    - 2\n  - k: v\n    w: []\n");
}

TEST(YamlWriter, QuotesWhatCouldBeTakenForSomethingElse) {
  for (const std::string value :
       {"",   "true", "No", "null", "~",  "1",  "1e3", "0x1f", ".5", "- a",  "a: b",       "a #b",     "a:", " a",
        "a ", "{a",   "[a", "&a",   "*a", "!a", "%a",  "@a",   "`a", "a\tb", "2026-01-02", "12:30:00", "=",  "<<"}) {
    EXPECT_EQ(write(text(value)).front(), '"') << value;
    EXPECT_EQ(write(map("k", value)).substr(0, 4), "k: \"") << value;
  }
  EXPECT_EQ(write(map("k", "a\"\\\n\x01")), "k: \"a\\\"\\\\\\n\\x01\"\n");
  // Line breaks to YAML 1.1, controls, a byte-order mark.
  EXPECT_EQ(write(map("k", "\u0085\u009f\u00a0\u2028\ufeff")), "k: \"\\x85\\x9f\u00a0\\u2028\\ufeff\"\n");
}

TEST(YamlWriter, LiteralBlocks) {
  EXPECT_EQ(write(map("rules", "a: b\n\n  c\n", "x", 1)), "rules: |\n  a: b\n\n    c\nx: 1\n");
  EXPECT_EQ(write(list("a\nb\n")), "- |\n  a\n  b\n");
  EXPECT_EQ(write(map("k", "a \nb\n")), "k: \"a \\nb\\n\"\n") << "blanks at the end of a line would not be seen";
}

rc::Gen<std::string> any_text() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
          "a", "true", "no", "0", "1", ":", " ", "#", "-", "\n", "\"", "\\", "{", "}", "[", "]", ",", "'", "&", "*",
          "!", "|", ">", "%", "@", "`", "~", "=", "?", "\t", "ä", "$", "{{ x }}", ".", "/", "_", "e")),
      [](const std::vector<std::string>& parts) {
        std::string out;
        for (const std::string& part : parts) out += part;
        return out;
      });
}

Node any_tree(int depth) {
  const int kind = *rc::gen::inRange(0, depth > 0 ? 5 : 3);
  if (kind == 0) return node(*rc::gen::arbitrary<int64_t>());
  if (kind <= 2) return text(*any_text());
  Node out{.kind = kind == 3 ? Node::Kind::kList : Node::Kind::kMap};
  const int count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) {
    if (kind == 4) out.keys.push_back(text(std::to_string(i) + *any_text()));
    out.items.push_back(any_tree(depth - 1));
  }
  return out;
}

// Text comes back as text: in quotes, or as a plain scalar that no reader takes for something else.
bool same_values(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.keys.size() != b.keys.size() || a.items.size() != b.items.size()) {
    return false;
  }
  if (b.quoted && !a.quoted) return false;
  for (size_t i = 0; i < a.keys.size(); ++i) {
    if (a.keys[i].text != b.keys[i].text) return false;
  }
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!same_values(a.items[i], b.items[i])) return false;
  }
  return true;
}

RC_GTEST_PROP(YamlWriter, WhatIsWrittenIsReadBack, ()) {
  const Node tree = any_tree(4);
  Problems problems("t");
  const auto back = parse(write(tree), {}, problems);
  RC_ASSERT(problems.text() == "");
  RC_ASSERT(back.has_value());
  RC_ASSERT(same_values(tree, *back));
}

}  // namespace
}  // namespace freshet::yaml
