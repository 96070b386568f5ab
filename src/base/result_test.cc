#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace freshet {
namespace {

Status fail_if(bool bad) {
  if (bad) return fail(Code::kRetry, "queue is full");
  return {};
}

Result<int> seven_unless(bool bad) {
  FRESHET_TRY(fail_if(bad));
  return 7;
}

TEST(Result, TryPassesTheErrorOn) {
  const auto result = seven_unless(true);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kRetry);
  EXPECT_EQ(result.error().message, "queue is full");
}

TEST(Result, TryGoesOnWithoutAnError) { EXPECT_EQ(seven_unless(false).value(), 7); }

Result<std::string> name_unless(bool bad) {
  FRESHET_ASSIGN(const auto seven, seven_unless(bad));
  std::string name;
  FRESHET_ASSIGN(name, Result<std::string>(std::to_string(seven)));
  return name;
}

TEST(Result, AssignDeclaresOrSetsTheValue) { EXPECT_EQ(name_unless(false).value(), "7"); }

TEST(Result, AssignPassesTheErrorOn) {
  const auto result = name_unless(true);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kRetry);
  EXPECT_EQ(result.error().message, "queue is full");
}

TEST(Result, AssignMovesWhatCannotBeCopied) {
  const auto taken = []() -> Result<std::unique_ptr<int>> {
    FRESHET_ASSIGN(auto one, Result<std::unique_ptr<int>>(std::make_unique<int>(1)));
    return one;
  }();
  EXPECT_EQ(**taken, 1);
}

TEST(Result, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (uint8_t code = 0; code <= static_cast<uint8_t>(Code::kFatal); ++code) {
    names.insert(name_of(static_cast<Code>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Code::kFatal) + 1);
  EXPECT_EQ(names.count("unknown"), 0u);
}

}  // namespace
}  // namespace freshet
