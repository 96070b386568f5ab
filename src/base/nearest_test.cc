#include "base/nearest.h"

#include <gtest/gtest.h>

#include <string>

namespace freshet {
namespace {

TEST(EditDistance, CountsEditsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("abc", "abc"), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("ab", "ba"), 1U) << "neighbours swapped";
  EXPECT_EQ(edit_distance("ca", "abc"), 3U) << "a swapped pair is not edited again";
  EXPECT_EQ(edit_distance("abcd", "acbd"), 1U);
}

TEST(Nearest, IsASlipNotAGuess) {
  const std::vector<std::string> names = {"priority", "shared", "blocked_values"};
  EXPECT_EQ(nearest("priorty", names), "priority");
  EXPECT_EQ(nearest("Shared", names), "shared");
  EXPECT_EQ(nearest("blokced_values", names), "blocked_values");
  EXPECT_EQ(nearest("colour", names), "");
  EXPECT_EQ(nearest("", names), "");
}

TEST(Nearest, IsTheFirstOfSeveralAndNeverLong) {
  const std::vector<std::string> names = {"cat", "bat", std::string(201, 'x')};
  EXPECT_EQ(nearest("rat", names), "cat");
  EXPECT_EQ(nearest(std::string(201, 'x'), names), "");
  EXPECT_EQ(nearest("x", std::vector<std::string>{}), "");
}

TEST(Nearest, LooksAtSoManyOnly) {
  std::vector<std::string> names(100, std::string(100, 'x'));
  names.push_back("y" + std::string(99, 'z'));
  EXPECT_EQ(nearest(std::string(100, 'z'), names), "");
  EXPECT_EQ(nearest(std::string(100, 'z'), std::vector<std::string>{names.back()}), names.back());
  EXPECT_EQ(nearest(std::string(40, 'x') + "yyy", std::vector<std::string>(100'000, std::string(41, 'x'))),
            std::string(41, 'x'));
}

}  // namespace
}  // namespace freshet
