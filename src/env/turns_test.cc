#include "env/turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <vector>

namespace freshet::env {
namespace {

void wait_for(const std::atomic<int>& turns, int wanted) {
  while (turns < wanted) std::this_thread::yield();
}

TEST(Turns, OneAtOnceOneForEachWakeAndTheLastOne) {
  std::atomic<int> turns{0};
  std::vector<bool> last;
  {
    Turns under_test("t", [&](bool is_last) {
      last.push_back(is_last);
      ++turns;
      return kUntilWoken;
    });
    wait_for(turns, 1);
    under_test.wake();
    wait_for(turns, 2);
    under_test.end();
    under_test.end();
    under_test.wake();
  }
  EXPECT_EQ(last, (std::vector<bool>{false, false, true}));
}

TEST(Turns, AgainAfterAsLongAsTheTurnHasSaid) {
  std::atomic<int> turns{0};
  Turns under_test("t", [&](bool) {
    ++turns;
    return TimeUs{1};
  });
  wait_for(turns, 10);
}

// Whoever puts work down just then and wakes must not wait for the next one who does.
TEST(Turns, WokenDuringATurnItTakesAnother) {
  std::atomic<int> turns{0};
  std::atomic<bool> woken{false};
  std::optional<Turns> under_test;
  under_test.emplace("t", [&](bool) {
    ++turns;
    while (!woken) std::this_thread::yield();
    return kUntilWoken;
  });
  wait_for(turns, 1);
  under_test->wake();
  woken = true;
  wait_for(turns, 2);
  under_test.reset();
}

}  // namespace
}  // namespace freshet::env
