#include "ingest/lane.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace freshet::ingest {
namespace {

// Holds the lane's thread until it is told to go on.
class Gate {
 public:
  void enter() {
    entered_.set_value();
    open_.get_future().wait();
  }
  void wait_entered() { entered_.get_future().wait(); }
  void open() { open_.set_value(); }

 private:
  std::promise<void> entered_, open_;
};

// What the lane's work uses stands before the lane in each test, so that it outlives its thread.
TEST(Lane, TenantsTakeTurns) {
  Gate gate;
  std::vector<std::string> order;
  std::promise<void> done;
  Lane lane(1000);
  ASSERT_TRUE(lane.run({"a"}, 1, [&] { gate.enter(); }));
  gate.wait_entered();
  for (const char* const name : {"a1", "a2", "a3"})
    ASSERT_TRUE(lane.run({"a"}, 1, [&order, name] { order.emplace_back(name); }));
  for (const char* const name : {"b1", "b2"})
    ASSERT_TRUE(lane.run({"b"}, 1, [&order, name] { order.emplace_back(name); }));
  ASSERT_TRUE(lane.run({"a"}, 1, [&done] { done.set_value(); }));
  gate.open();
  done.get_future().wait();
  // A turn counts as the same for all as long as it costs next to nothing (Turns::kTurnUs).
  const auto place = [&order](const char* name) { return std::find(order.begin(), order.end(), name) - order.begin(); };
  ASSERT_EQ(order.size(), 5U);
  EXPECT_EQ(order.front(), "b1") << "a has had a turn already";
  EXPECT_LT(place("b2"), place("a3"));
  EXPECT_LT(place("a1"), place("a2"));
  EXPECT_LT(place("a2"), place("a3"));
}

TEST(Lane, OneTenantCantFillIt) {
  Gate gate;
  Lane lane(1000);
  ASSERT_TRUE(lane.run({"a"}, 1, [&] { gate.enter(); }));
  gate.wait_entered();
  EXPECT_TRUE(lane.run({"a"}, 2000, [] {}));  // the only one of its tenant: it could never be taken otherwise
  EXPECT_FALSE(lane.run({"a"}, 1, [] {}));
  EXPECT_TRUE(lane.run({"b"}, 200, [] {}));
  EXPECT_FALSE(lane.run({"b"}, 100, [] {}));  // more than a quarter
  gate.open();
}

TEST(Lane, StrangersHaveRoomTogetherAsOneTenantHas) {
  Gate gate;
  Lane lane(1000);
  ASSERT_TRUE(lane.run({"a"}, 1, [&] { gate.enter(); }));
  gate.wait_entered();
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += lane.run({std::to_string(i), false}, 50, [] {}) ? 1 : 0;
  EXPECT_EQ(taken, 5);
  EXPECT_TRUE(lane.run({"b"}, 200, [] {}));  // and leave room for others
  gate.open();
}

TEST(Lane, OneStrangerLeavesRoomForTheOthers) {
  Gate gate;
  Lane lane(1600);  // 400 of strangers, so 100 of one
  ASSERT_TRUE(lane.run({"a"}, 1, [&] { gate.enter(); }));
  gate.wait_entered();
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += lane.run({"flood", false}, 20, [] {}) ? 1 : 0;
  EXPECT_EQ(taken, 5);
  EXPECT_TRUE(lane.run({"page", false}, 200, [] {}));
  EXPECT_FALSE(lane.run({"page", false}, 20, [] {}));
  EXPECT_TRUE(lane.run({"other", false}, 100, [] {}));
  EXPECT_FALSE(lane.run({"third", false}, 20, [] {}));  // together they have what one tenant has
  gate.open();
}

TEST(Lane, SeveralThreadsWorkAtOnce) {
  std::promise<void> first, second;
  Lane lane(1000, 2);
  ASSERT_TRUE(lane.run({"a"}, 1, [&] { second.get_future().wait(); }));
  ASSERT_TRUE(lane.run({"a"}, 1, [&] { second.set_value(); }));
  ASSERT_TRUE(lane.run({"a"}, 1, [&] { first.set_value(); }));
  first.get_future().wait();
}

TEST(Lane, LetsGoOfAllWorkWhenItEnds) {
  const auto kept = std::make_shared<int>(0);
  {
    Lane lane(1000);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(lane.run({"a"}, 1, [kept] {}));
  }
  EXPECT_EQ(kept.use_count(), 1);
}

}  // namespace
}  // namespace freshet::ingest
