#include "base/json_writer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace freshet {
namespace {

std::string in_json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonString, EscapesWhatMustBe) {
  EXPECT_EQ(in_json(""), "\"\"");
  EXPECT_EQ(in_json("a\"b\\c/\b\f\n\r\t"), R"("a\"b\\c/\b\f\n\r\t")");
  EXPECT_EQ(in_json(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(in_json("é漢😀"), "\"é漢😀\"");
}

// Eight bytes are looked at at once, and the rest one by one.
TEST(JsonString, EveryByteIsEscapedAlikeAtEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    const std::string alone = in_json(one);
    const std::string escaped = alone.substr(1, alone.size() - 2);
    EXPECT_EQ(escaped != one, byte < 0x20 || byte == '"' || byte == '\\') << byte;
    for (size_t before = 0; before < 18; ++before) {
      const std::string a(before, 'a');
      EXPECT_EQ(in_json(a + one + "!bcdefghi"), "\"" + a + escaped + "!bcdefghi\"") << byte << " after " << before;
    }
  }
}

TEST(JsonWriter, PutsCommasAndNames) {
  std::string out = "before ";
  {
    JsonWriter json(out);
    json.begin_object().member("a", "x\n").member("b", std::string("y")).key("list").begin_array();
    json.value(-1).value(uint64_t{1}).value(true).value(false).null().raw("{\"r\":1.5}");
    json.begin_array().end_array().begin_object().end_object().end_array().member("\"", 97).end_object();
  }
  EXPECT_EQ(out, R"(before {"a":"x\n","b":"y","list":[-1,1,true,false,null,{"r":1.5},[],{}],"\"":97})");
}

TEST(JsonWriter, WritesTheEndsOfIntegers) {
  std::string out;
  JsonWriter json(out);
  json.begin_array().value(std::numeric_limits<int64_t>::min()).value(std::numeric_limits<int64_t>::max());
  json.value(std::numeric_limits<uint64_t>::max()).value(uint8_t{255}).end_array();
  EXPECT_EQ(out, "[-9223372036854775808,9223372036854775807,18446744073709551615,255]");
}

TEST(JsonWriter, WritesListsOfWhatIsGivenAndNullForNothing) {
  std::string out;
  JsonWriter json(out);
  const std::vector<std::string> texts = {"a", "b"};
  json.begin_object().key("texts").array(texts);
  json.key("sizes").array(texts, [](JsonWriter& to, const std::string& text) { to.value(text.size()); });
  json.member("none", std::optional<int>()).member("one", std::optional<int>(1)).end_object();
  EXPECT_EQ(out, R"({"texts":["a","b"],"sizes":[1,1],"none":null,"one":1})");
}

TEST(JsonWriter, PutsSpaceBehindTheComma) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().space("\n ").member("a", 1).space("\n ").key("b").space(" ").begin_array().value(2);
  json.space("\n").value(3).end_array().space("\n").end_object();
  EXPECT_EQ(out, "{\n \"a\":1,\n \"b\": [2,\n3]\n}");
}

template <class Write>
void write_wrong(const Write& write) {
  std::string out;
  JsonWriter json(out);
  write(json);
}

TEST(JsonWriterDeathTest, WhatIsNotJsonIsABug) {
  const auto dies = [](const auto& write) { EXPECT_DEATH(write_wrong(write), "assertion failed"); };
  dies([](JsonWriter&) {});                                                        // nothing at all
  dies([](JsonWriter& json) { json.value(1).value(2); });                          // two values
  dies([](JsonWriter& json) { json.begin_array(); });                              // without an end
  dies([](JsonWriter& json) { json.begin_array().end_object(); });                 // with another end
  dies([](JsonWriter& json) { json.null().end_array(); });                         // without a beginning
  dies([](JsonWriter& json) { json.key("a").null(); });                            // a name outside of an object
  dies([](JsonWriter& json) { json.begin_array().key("a").null().end_array(); });  // a name in a list
  dies([](JsonWriter& json) { json.begin_object().value(1).end_object(); });       // a value without a name
  dies([](JsonWriter& json) { json.begin_object().key("").key("b").null().end_object(); });  // two names
  dies([](JsonWriter& json) { json.begin_object().key("a").end_object(); });                 // a name without a value
  dies([](JsonWriter& json) { json.raw(""); });                                              // a value of no text
  dies([](JsonWriter& json) { json.space("x").null(); });                                    // white space that is none
  dies([](JsonWriter& json) { json.null().space("\n"); });  // white space before nothing
}

void nest(JsonWriter& json, uint32_t levels) {
  for (uint32_t i = 0; i < levels; ++i) json.begin_array();
  for (uint32_t i = 0; i < levels; ++i) json.end_array();
}

TEST(JsonWriterDeathTest, NestingTooDeepIsABug) {
  EXPECT_DEATH(write_wrong([](JsonWriter& json) { nest(json, JsonWriter::kDepthMax + 1); }), "depth_ < kDepthMax");
}

TEST(JsonWriter, NestsAsDeepAsItSays) {
  std::string out;
  JsonWriter json(out);
  nest(json, JsonWriter::kDepthMax);
  EXPECT_EQ(out, std::string(JsonWriter::kDepthMax, '[') + std::string(JsonWriter::kDepthMax, ']'));
}

// Any JSON but for fractions, which the writer does not make.
struct Tree {
  enum class Kind { kNull, kBoolean, kInteger, kText, kList, kObject } kind = Kind::kNull;
  bool flag = false;
  int64_t number = 0;
  std::string text;
  std::string name;  // within an object
  std::vector<Tree> items;
};

std::string any_text() {
  std::string text;
  for (const uint32_t c : *rc::gen::container<std::vector<uint32_t>>(rc::gen::inRange<uint32_t>(0, 0x800))) {
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else {
      text += static_cast<char>(0xc0 | c >> 6);
      text += static_cast<char>(0x80 | (c & 0x3f));
    }
  }
  return text;
}

Tree any_tree(int depth = 0) {
  Tree tree;
  tree.kind = *rc::gen::element(Tree::Kind::kNull, Tree::Kind::kBoolean, Tree::Kind::kInteger, Tree::Kind::kText,
                                Tree::Kind::kList, Tree::Kind::kObject);
  tree.flag = *rc::gen::arbitrary<bool>();
  tree.number = *rc::gen::arbitrary<int64_t>();
  tree.text = any_text();
  for (int i = depth < 4 ? *rc::gen::inRange(0, 4) : 0; i > 0; --i) {
    tree.items.push_back(any_tree(depth + 1));
    tree.items.back().name = any_text();
  }
  return tree;
}

void write(JsonWriter& json, const Tree& tree) {
  switch (tree.kind) {
    case Tree::Kind::kNull: json.null(); return;
    case Tree::Kind::kBoolean: json.value(tree.flag); return;
    case Tree::Kind::kInteger: json.value(tree.number); return;
    case Tree::Kind::kText: json.value(tree.text); return;
    case Tree::Kind::kList:
      json.begin_array();
      for (const Tree& item : tree.items) write(json, item);
      json.end_array();
      return;
    case Tree::Kind::kObject:
      json.begin_object();
      for (const Tree& item : tree.items) write(json.key(item.name), item);
      json.end_object();
      return;
  }
}

void check_same(const Tree& tree, simdjson::dom::element element) {
  using simdjson::dom::element_type;
  switch (tree.kind) {
    case Tree::Kind::kNull: RC_ASSERT(element.is_null()); return;
    case Tree::Kind::kBoolean: RC_ASSERT(element.get_bool().value() == tree.flag); return;
    case Tree::Kind::kInteger: RC_ASSERT(element.get_int64().value() == tree.number); return;
    case Tree::Kind::kText: RC_ASSERT(element.get_string().value() == tree.text); return;
    case Tree::Kind::kList: {
      RC_ASSERT(element.type() == element_type::ARRAY);
      size_t i = 0;
      const simdjson::dom::array list = element.get_array().value();
      for (const auto item : list) check_same(tree.items.at(i++), item);
      RC_ASSERT(i == tree.items.size());
      return;
    }
    case Tree::Kind::kObject: {
      RC_ASSERT(element.type() == element_type::OBJECT);
      size_t i = 0;
      const simdjson::dom::object object = element.get_object().value();
      for (const auto field : object) {
        RC_ASSERT(field.key == tree.items.at(i).name);
        check_same(tree.items.at(i++), field.value);
      }
      RC_ASSERT(i == tree.items.size());
      return;
    }
  }
}

RC_GTEST_PROP(JsonWriterProperty, AnyTreeReadsBackTheSame, ()) {
  const Tree tree = any_tree();
  std::string out;
  {
    JsonWriter json(out);
    write(json, tree);
  }
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  RC_ASSERT(parser.parse(out).get(root) == simdjson::SUCCESS);
  check_same(tree, root);
}

}  // namespace
}  // namespace freshet
