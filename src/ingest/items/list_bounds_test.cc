#include "ingest/items/list_bounds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string_view> elements_of(std::string_view text) {
  const auto bounds = list_bounds(text, "batch", 5);
  return bounds ? bounds->elements : std::vector<std::string_view>{"none"};
}

TEST(ListBounds, FindsElementsWhateverIsInThem) {
  EXPECT_THAT(
      elements_of(R"({"sentAt":"[","batch": [ {"a":NaN} ,{"b":[1,{"c":"],\"}"}]}, undefined,"x" ],"z":{"batch":[1]}})"),
      ElementsAre(R"({"a":NaN})", R"({"b":[1,{"c":"],\"}"}]})", "undefined", R"("x")"));
  EXPECT_THAT(elements_of("{\"batch\":[{\"a\":\"\xff\n\"},-Infinity]}"),
              ElementsAre("{\"a\":\"\xff\n\"}", "-Infinity"));
  EXPECT_THAT(elements_of(R"({"batch":[ ]})"), IsEmpty());
  EXPECT_THAT(elements_of(R"({"batch":[1],"batch":[2,3]} )"), ElementsAre("2", "3")) << "the last one";
}

TEST(ListBounds, RefusesWhereNoBoundIsCertain) {
  for (const char* text : {"", "{", "[]", "{}", R"({"batch":5})", R"({"batch":[1})", R"({"batch":[{"a":[1}]})",
                           R"({"batch":[{"a":"x},{}]})", R"({"batch":[1,]})", R"({"batch":[,1]})", R"({"batch":[1]},)",
                           R"({"batch":[1],})", R"({"batch":[1]} x)", R"({"batch":[1,2,3,4,5,6]})", R"({"batch" [1]})",
                           R"({batch:[1]})", R"({"batch":["\)"})
    EXPECT_FALSE(list_bounds(text, "batch", 5)) << text;
  EXPECT_FALSE(list_bounds(R"({"batch":[)" + std::string(2000, '[') + std::string(2000, ']') + "]}", "batch", 5));
}

TEST(ListBounds, PutsTheTextTogetherAgain) {
  const std::string_view text = R"({"a":1,"batch":[ {"x":1}, 2 ],"b":2})";
  const auto bounds = list_bounds(text, "batch", 5);
  ASSERT_TRUE(bounds);
  EXPECT_EQ(bounds->with({}), R"({"a":1,"batch":[],"b":2})");
  EXPECT_EQ(bounds->with(bounds->elements[1]), R"({"a":1,"batch":[2],"b":2})");
}

}  // namespace
}  // namespace freshet::ingest
