#include "base/result.h"

#include <gtest/gtest.h>

#include <set>

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
