#include "http/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::http {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Row {
  std::string_view method, path;
};

constexpr Row kRows[] = {
    {"GET", "/"},
    {"POST", "/v1/users/lookup"},
    {"GET", "/v1/users/{id}"},
    {"DELETE", "/v1/users/{id}"},
    {"GET", "/v1/users/{type}/{value}"},
};

Match<Row> find(std::string_view method, std::string_view path) {
  return find_route(std::span<const Row>(kRows), method, path);
}

TEST(Routes, ArgumentsStandForPartsInBraces) {
  EXPECT_THAT(find("GET", "/v1/users/u%201").arguments, ElementsAre("u%201"));
  EXPECT_THAT(find("GET", "/v1/users/email/a%2Fb/").arguments, ElementsAre("email", "a%2Fb"));
  EXPECT_EQ(find("GET", "/v1/users/email/a").row, &kRows[4]);
  EXPECT_THAT(find("GET", "/").arguments, IsEmpty());
}

TEST(Routes, OtherPathsAreNotThere) {
  for (const char* path : {"", "*", "//", "/v1", "/v1/users", "/v1/users/", "/v1/users//", "/v1/users//x",
                           "/v1/users/a/b/c", "/v1//users/a", "v1/users/a", "/V1/users/a"})
    EXPECT_EQ(find("GET", path).row, nullptr) << path;
}

TEST(Routes, TheMethodDecidesAmongRowsOfAnAddress) {
  EXPECT_EQ(find("DELETE", "/v1/users/u1").row, &kRows[3]);
  EXPECT_EQ(find("HEAD", "/v1/users/u1").row, &kRows[2]);
  EXPECT_EQ(find("POST", "/v1/users/lookup").row, &kRows[1]);
  EXPECT_EQ(find("DELETE", "/v1/users/u1").allowed, "");
}

TEST(Routes, AWrongMethodIsToldTheRightOnes) {
  const Match<Row> wrong = find("PATCH", "/v1/users/u1");
  EXPECT_EQ(wrong.row, &kRows[2]);
  EXPECT_THAT(wrong.arguments, ElementsAre("u1"));
  EXPECT_EQ(wrong.allowed, "GET, HEAD, DELETE");
  EXPECT_EQ(find("get", "/").allowed, "GET, HEAD");
}

TEST(Routes, ALiteralAddressIsNoValueOfBraces) {
  EXPECT_EQ(find("GET", "/v1/users/lookup").row, &kRows[1]);
  EXPECT_EQ(find("GET", "/v1/users/lookup").allowed, "POST");
}

TEST(Routes, ArgumentsAreDecodedOnce) {
  EXPECT_THAT(*decode_arguments({"a%2Fb", "%2541+"}), ElementsAre("a/b", "%41+"));
  EXPECT_EQ(decode_arguments({"a", "%4"}).error().code, Code::kInvalid);
}

}  // namespace
}  // namespace freshet::http
