#include "base/last_failure.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(LastFailure, IsNewWhenItBeginsOrBecomesAnother) {
  LastFailure failure;
  EXPECT_FALSE(failure.is_new({}));
  EXPECT_TRUE(failure.is_new(fail(Code::kRetry, "away")));
  EXPECT_FALSE(failure.is_new(fail(Code::kRetry, "away")));
  EXPECT_TRUE(failure.is_new(fail(Code::kRetry, "full")));
  EXPECT_FALSE(failure.is_new({}));
  EXPECT_TRUE(failure.is_new(fail(Code::kRetry, "full")));
}

}  // namespace
}  // namespace freshet
