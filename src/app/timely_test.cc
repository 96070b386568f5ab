// Nobody hangs on a question that hangs, and what is answered was asked afterwards.
#include "app/timely.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <thread>
#include <vector>

namespace freshet::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kFarAway = 60s;  // no test waits for it
constexpr auto kAtOnce = 20ms;

TEST(TimelyTest, AnAnswerIsNeverOlderThanItsQuestion) {
  std::atomic<int> now{0};
  Timely<int> timely("test", env::real_clock(), kFarAway, [&] { return now.load(); });
  for (int i = 1; i <= 100; ++i) {
    now = i;
    EXPECT_EQ(timely.get(), i);
  }
}

TEST(TimelyTest, AnswersOfManyThreadsAreNeverOlderThanTheirQuestions) {
  std::atomic<int> now{0};
  Timely<int> timely("test", env::real_clock(), kFarAway, [&] { return now.load(); });
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const int asked = ++now;
        EXPECT_GE(timely.get().value_or(-1), asked);
      }
    });
  }
}

TEST(TimelyTest, NobodyWaitsForAQuestionThatHangs) {
  std::latch log_is_back{1};
  std::atomic<int> asked{0};
  Timely<int> timely("test", env::real_clock(), kAtOnce, [&] {
    if (++asked == 1) log_is_back.wait();
    return 7;
  });
  EXPECT_EQ(timely.get(), std::nullopt);
  // Known to be slow: were one of these to wait for the answer, the test would not end.
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(timely.get(), std::nullopt);
  log_is_back.count_down();
  std::optional<int> answer;
  while (!answer) answer = timely.get();
  EXPECT_EQ(answer, 7);
}

}  // namespace
}  // namespace freshet::app
