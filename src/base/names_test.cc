#include "base/names.h"

#include <gtest/gtest.h>

namespace freshet {
namespace elsewhere {

enum class Color : uint8_t { kRed = 3, kGreen = 7 };
[[nodiscard]] constexpr auto names_of(Color) {
  return std::to_array<Name<Color>>({{Color::kRed, "red"}, {Color::kGreen, "green"}});
}

struct Shop {
  enum class State : uint8_t { kOpen, kClosed };
};
[[nodiscard]] constexpr auto names_of(Shop::State) {
  return std::to_array<Name<Shop::State>>({{Shop::State::kOpen, "open"}, {Shop::State::kClosed, "closed"}});
}

}  // namespace elsewhere

namespace {

using elsewhere::Color;
using elsewhere::Shop;

static_assert(name_of(Color::kGreen) == "green");
static_assert(parse_name<Color>("red") == Color::kRed);
static_assert(Named<Shop::State> && !Named<int>);

TEST(Names, GoBothWays) {
  for (const Color color : {Color::kRed, Color::kGreen}) EXPECT_EQ(parse_name<Color>(name_of(color)), color);
  EXPECT_EQ(name_of(Shop::State::kClosed), "closed");
  EXPECT_EQ(parse_name<Color>("Red"), std::nullopt);
  EXPECT_EQ(parse_name<Color>(""), std::nullopt);
}

TEST(Names, WhatIsNotInTheTableIsUnknown) { EXPECT_EQ(name_of(Color{}), "unknown"); }

TEST(Names, AreListedInTheOrderOfTheTable) {
  EXPECT_EQ(all_names<Color>(), (std::array<std::string_view, 2>{"red", "green"}));
}

}  // namespace
}  // namespace freshet
