#include "rdkafka/transaction.h"

#include <gtest/gtest.h>

namespace freshet::rdkafka {
namespace {

constexpr Failure kPlain{.is_fatal = false, .is_retriable = false};
constexpr Failure kFatal{.is_fatal = true, .is_retriable = false};
constexpr Failure kUnknown{.is_fatal = false, .is_retriable = true};

TEST(Transaction, IsDoneAgainAtOnceOnlyWhenItIsSurelyAborted) {
  EXPECT_EQ(code_of_failed(Code::kRetry, kPlain, true), Code::kConflict);
  EXPECT_EQ(code_of_failed(Code::kConflict, kPlain, true), Code::kConflict);
  for (const Failure& failure : {kPlain, kFatal, kUnknown})
    EXPECT_EQ(code_of_failed(Code::kConflict, failure, false), Code::kRetry);
  EXPECT_TRUE(can_abort(kPlain));
  EXPECT_FALSE(can_abort(kFatal));
  EXPECT_FALSE(can_abort(kUnknown));
}

TEST(Transaction, WhatWouldGoWrongAgainIsSaidWhereNothingIsLeftOpen) {
  EXPECT_EQ(code_of_failed(Code::kInvalid, kPlain, true), Code::kInvalid);
  EXPECT_EQ(code_of_failed(Code::kInvalid, kPlain, false), Code::kRetry);
}

TEST(Transaction, FencedIsBelievedIfItIsFatalOrAborted) {
  EXPECT_EQ(code_of_failed(Code::kFenced, kPlain, true), Code::kFenced);
  EXPECT_EQ(code_of_failed(Code::kFenced, kFatal, false), Code::kFenced);
  EXPECT_EQ(code_of_failed(Code::kFenced, kUnknown, false), Code::kRetry);
  EXPECT_EQ(code_of_failed(Code::kFenced, kPlain, false), Code::kRetry);
}

TEST(Rival, ShowsWhenItFencesTwiceWithinTwoTimeouts) {
  Rival rival(10);
  EXPECT_FALSE(rival.shows(100));
  EXPECT_TRUE(rival.shows(119));
  EXPECT_FALSE(rival.shows(139));  // The window has passed since.
  EXPECT_TRUE(rival.shows(140));
}

}  // namespace
}  // namespace freshet::rdkafka
