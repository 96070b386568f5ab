#include "ingest/lane.h"

#include <gtest/gtest.h>

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
  ASSERT_TRUE(lane.run("a", 1, [&] { gate.enter(); }));
  gate.wait_entered();
  for (const char* const name : {"a1", "a2", "a3"})
    ASSERT_TRUE(lane.run("a", 1, [&order, name] { order.emplace_back(name); }));
  for (const char* const name : {"b1", "b2"})
    ASSERT_TRUE(lane.run("b", 1, [&order, name] { order.emplace_back(name); }));
  ASSERT_TRUE(lane.run("a", 1, [&done] { done.set_value(); }));
  gate.open();
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<std::string>{"b1", "a1", "b2", "a2", "a3"}));
}

TEST(Lane, OneTenantCantFillIt) {
  Gate gate;
  Lane lane(1000);
  ASSERT_TRUE(lane.run("a", 1, [&] { gate.enter(); }));
  gate.wait_entered();
  EXPECT_TRUE(lane.run("a", 2000, [] {}));  // the only one of its tenant: it could never be taken otherwise
  EXPECT_FALSE(lane.run("a", 1, [] {}));
  EXPECT_TRUE(lane.run("b", 200, [] {}));
  EXPECT_FALSE(lane.run("b", 100, [] {}));  // more than a quarter
  gate.open();
}

TEST(Lane, LetsGoOfAllWorkWhenItEnds) {
  const auto kept = std::make_shared<int>(0);
  {
    Lane lane(1000);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(lane.run("a", 1, [kept] {}));
  }
  EXPECT_EQ(kept.use_count(), 1);
}

}  // namespace
}  // namespace freshet::ingest
