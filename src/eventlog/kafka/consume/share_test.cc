#include "eventlog/kafka/consume/share.h"

#include <gtest/gtest.h>

namespace freshet::eventlog::kafka {
namespace {

TEST(Share, AStandbyReadsUpToItsBoundAndAnOwnerEverything) {
  Share share;
  EXPECT_FALSE(share.follows());
  EXPECT_FALSE(share.is_beyond(1'000'000, false));
  share.bound = 10;
  EXPECT_TRUE(share.follows());
  EXPECT_FALSE(share.is_beyond(9, false));
  EXPECT_TRUE(share.is_beyond(10, false));
  // All ten records are read: the end that comes next is told.
  EXPECT_FALSE(share.is_beyond(10, true));
  EXPECT_TRUE(share.is_beyond(11, true));
}

TEST(Share, AGapIsToldOnceItIsReadAndAllowed) {
  Share share;
  share.started = true;
  share.next = 5;
  share.passed = 7;
  EXPECT_TRUE(share.has_gap());
  share.bound = 6;  // What the owner has not committed may still be aborted.
  EXPECT_FALSE(share.has_gap());
  share.bound = 7;
  EXPECT_TRUE(share.has_gap());
  share.paused = true;
  EXPECT_FALSE(share.has_gap());
  share.paused = false;
  share.position = 0;  // It goes on elsewhere.
  EXPECT_FALSE(share.has_gap());
  share.position.reset();
  share.next = 7;
  EXPECT_FALSE(share.has_gap());
}

TEST(Share, NothingIsToldBeforeItIsTakenUp) {
  Share share;
  share.passed = 1;
  EXPECT_FALSE(share.has_gap());
}

}  // namespace
}  // namespace freshet::eventlog::kafka
