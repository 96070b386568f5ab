#include "eventlog/kafka/consume/own_places.h"

#include <gtest/gtest.h>

namespace freshet::eventlog::kafka {
namespace {

constexpr TopicPartition kSome{Topic::kActions, 3};

TEST(OwnPlaces, TakesWhatCarriesTheNameOfOurGroup) {
  OwnPlaces places("freshet.action");
  EXPECT_EQ(places.judge(kSome, 7, "freshet.action.worker-1.0"), 7);
  EXPECT_EQ(places.foreign(kSome), std::nullopt);
  EXPECT_EQ(places.judge(kSome, -1001, ""), std::nullopt);
  EXPECT_EQ(places.foreign(kSome), std::nullopt);
}

TEST(OwnPlaces, GoesOnWhereItCommittedLastIfSomebodyElseMovedIt) {
  OwnPlaces places("freshet.action");
  EXPECT_EQ(places.judge(kSome, 19, ""), std::nullopt);
  EXPECT_EQ(places.foreign(kSome), 19);
  places.committed(kSome, 9);
  EXPECT_EQ(places.foreign(kSome), std::nullopt);
  EXPECT_EQ(places.judge(kSome, 19, "freshet.actionists"), 9);
  EXPECT_EQ(places.foreign(kSome), 19);
  EXPECT_EQ(places.judge(kSome, 20, "freshet.action.worker-2.0"), 20);
  EXPECT_EQ(places.foreign(kSome), std::nullopt);
}

}  // namespace
}  // namespace freshet::eventlog::kafka
