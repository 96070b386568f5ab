#include "yaml/reader.h"

#include <gtest/gtest.h>

namespace freshet::yaml {
namespace {

enum class Color : uint8_t { kRed, kGreen };
[[nodiscard]] constexpr auto names_of(Color) {
  return std::to_array<Name<Color>>({{Color::kRed, "red"}, {Color::kGreen, "green"}});
}

struct Read {
  uint64_t count = 0;
  uint64_t bytes = 0;
  int64_t duration = 0;
  double number = 0;
  Color choice = Color::kRed;
  std::string text;
  std::vector<const Node*> texts;
  std::string problems;
};

Read read(std::string_view yaml) {
  Problems problems("f.yaml");
  const auto root = parse(yaml, {}, problems);
  Read out;
  if (root) {
    MapReader map(*root, "", problems);
    map.count("count", 1, 10, out.count);
    map.bytes("bytes", 1 << 20, 1ull << 40, out.bytes);
    map.duration_us("duration", 1000, 3'600'000'000, out.duration);
    map.number("number", 0, 100, out.number);
    map.choice("choice", out.choice);
    map.text("text", out.text);
    out.texts = map.texts("texts");
    map.finish();
  }
  out.problems = problems.text();
  return out;
}

TEST(Reader, ReadsValues) {
  const Read r =
      read("count: 7\nbytes: 1.5GiB\nduration: 50ms\nnumber: 0.5\nchoice: green\ntext: \"1\"\ntexts: [a, b]\n");
  EXPECT_EQ(r.problems, "");
  EXPECT_EQ(r.count, 7U);
  EXPECT_EQ(r.bytes, 1536ull << 20);
  EXPECT_EQ(r.duration, 50'000);
  EXPECT_EQ(r.number, 0.5);
  EXPECT_EQ(r.choice, Color::kGreen);
  EXPECT_EQ(r.text, "1");
  EXPECT_EQ(r.texts.size(), 2U);
}

TEST(Reader, AllProblemsAtOnceWithPlacesAndWhatIsAllowed) {
  const Read r =
      read("count: 11\nbytes: 5 parsecs\nduration: 5\nnumber: nan\nchoice: gren\ntext: [a]\ntexts: [a, a]\ncuont: 2\n");
  EXPECT_EQ(r.problems,
            "f.yaml:1:8: count: must be a whole number from 1 to 10, not \"11\"\n"
            "f.yaml:2:8: bytes: must be a size from 1MiB to 1TiB (as in 512MiB, 1GiB), not \"5 parsecs\"\n"
            "f.yaml:3:11: duration: must be a duration from 1ms to 1h (as in 50ms, 60s, 5m, 24h), not \"5\"\n"
            "f.yaml:4:9: number: must be a number from 0 to 100, not \"nan\"\n"
            "f.yaml:5:9: choice: must be red or green, not \"gren\"; did you mean \"green\"?\n"
            "f.yaml:6:7: text: must be text, not a list\n"
            "f.yaml:7:12: texts[1]: \"a\" is there twice\n"
            "f.yaml:8:1: unknown key \"cuont\"; did you mean \"count\"? Allowed: bytes, choice, count, duration, "
            "number, text or texts");
}

TEST(Reader, ARootThatIsNoMap) {
  EXPECT_EQ(read("[1, 2]").problems, "f.yaml:1:1: the file: must be a map (key: value), not a list");
  EXPECT_NE(read("").problems.find("not nothing"), std::string::npos);
}

TEST(Reader, WhatIsRefusedIsNotProposed) {
  Problems problems("f");
  const auto root = parse("rate: 5\nrat: 6\n", {}, problems);
  ASSERT_TRUE(root);
  MapReader map(*root, "", problems);
  uint64_t date = 0;
  map.count("date", 1, 9, date);
  map.refuse("rate", "is not there yet");
  map.finish();
  EXPECT_EQ(problems.text(),
            "f:1:1: rate: is not there yet\n"
            "f:2:1: unknown key \"rat\". Allowed: date");
}

}  // namespace
}  // namespace freshet::yaml
