#include "app/log_watch.h"

#include <gtest/gtest.h>

namespace freshet::app {
namespace {

constexpr env::TimeUs kSecond = 1'000'000;

TEST(LogWatch, IsSilentAfterAWhileAndWellAtTheFirstAnswer) {
  LogWatch watch;
  watch.note(true, 100 * kSecond);
  watch.note(false, 105 * kSecond);
  EXPECT_FALSE(watch.is_silent());
  watch.note(false, 109 * kSecond);
  EXPECT_TRUE(watch.is_silent());
  watch.note(true, 110 * kSecond);
  EXPECT_FALSE(watch.is_silent());
}

TEST(LogWatch, ALogThatWasNeverHeardIsGivenTheSameTime) {
  LogWatch watch;
  watch.note(false, 1'000 * kSecond);
  EXPECT_FALSE(watch.is_silent());
  watch.note(false, 1'009 * kSecond);
  EXPECT_TRUE(watch.is_silent());
}

}  // namespace
}  // namespace freshet::app
