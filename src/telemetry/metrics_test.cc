#include "telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <thread>

namespace freshet::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Histogram, BucketsCoverAllValuesInOrder) {
  int64_t last = 0;
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    EXPECT_GE(Histogram::upper_bound_us(i), last);
    last = Histogram::upper_bound_us(i);
  }
  EXPECT_EQ(last, (int64_t{1} << 37) - 1);
}

TEST(Histogram, QuantilesAreWithinFourPercent) {
  ASSERT_TRUE(rc::check([] {
    const auto count = *rc::gen::inRange<size_t>(1, 300);
    std::vector<int64_t> values;
    Histogram h;
    for (size_t i = 0; i < count; ++i) {
      const int bits = *rc::gen::inRange(0, 36);
      values.push_back(*rc::gen::inRange<int64_t>(int64_t{1} << bits, (int64_t{1} << (bits + 1)) + 1));
      h.record(values.back());
    }
    std::sort(values.begin(), values.end());
    const double q = static_cast<double>(*rc::gen::inRange(0, 1001)) / 1000;
    const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(count)));
    const auto exact = static_cast<double>(values[rank == 0 ? 0 : rank - 1]);
    RC_ASSERT(std::abs(static_cast<double>(h.quantile(q)) - exact) <= 0.04 * exact);
    RC_ASSERT(h.count() == count);
  }));
}

TEST(Histogram, TakesWhatIsOutOfRange) {
  Histogram h;
  EXPECT_EQ(h.quantile(0.5), 0);
  h.record(-5);
  h.record(0);
  h.record(int64_t{1} << 60);
  EXPECT_EQ(h.count(), 3U);
  EXPECT_EQ(h.quantile(0), 1);
  EXPECT_NEAR(static_cast<double>(h.quantile(1)), std::pow(2, 37), 0.04 * std::pow(2, 37));
}

TEST(Histogram, AnIntervalIsADifference) {
  Histogram h;
  h.record(1000, 100);
  const auto before = h.buckets();
  h.record(50, 10);
  auto after = h.buckets();
  for (size_t i = 0; i < after.size(); ++i) after[i] -= before[i];
  EXPECT_NEAR(static_cast<double>(Histogram::quantile_of(after, 0.99)), 50, 2);
}

TEST(Metrics, AreFoundAgain) {
  Counter& a = counter("freshet_test_found_total", "Found.", {{"tenant", "a"}});
  a.add(2);
  EXPECT_EQ(&a, &counter("freshet_test_found_total", "ignored", {{"tenant", "a"}}));
  EXPECT_NE(&a, &counter("freshet_test_found_total", "ignored", {{"tenant", "b"}}));
  const std::string text = render_prometheus();
  EXPECT_THAT(text, HasSubstr("# HELP freshet_test_found_total Found.\n# TYPE freshet_test_found_total counter\n"));
  EXPECT_THAT(text, HasSubstr("freshet_test_found_total{tenant=\"a\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("freshet_test_found_total{tenant=\"b\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("ignored")));
}

TEST(Metrics, AnotherTypeUnderANameIsABug) {
  (void)counter("freshet_test_typed_total", "Typed.");
  EXPECT_DEATH((void)gauge("freshet_test_typed_total", "Typed.", {{"a", "b"}}), "index");
  EXPECT_DEATH((void)counter("freshet test", "Blank."), "CheckMetricName");
}

TEST(Metrics, HistogramsAreShownInSeconds) {
  Histogram& h = histogram("freshet_test_wait_us", "Waits.", {{"tenant", "quo\"te"}});
  h.record(900, 3);      // below 1 ms
  h.record(400'000, 2);  // below 500 ms
  const std::string text = render_prometheus();
  EXPECT_THAT(text, HasSubstr("# TYPE freshet_test_wait_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr(R"(freshet_test_wait_seconds_bucket{tenant="quo\"te",le="0.001"} 3)"));
  EXPECT_THAT(text, HasSubstr(R"(freshet_test_wait_seconds_bucket{tenant="quo\"te",le="0.25"} 3)"));
  EXPECT_THAT(text, HasSubstr(R"(freshet_test_wait_seconds_bucket{tenant="quo\"te",le="0.5"} 5)"));
  EXPECT_THAT(text, HasSubstr(R"(freshet_test_wait_seconds_bucket{tenant="quo\"te",le="+Inf"} 5)"));
  EXPECT_THAT(text, HasSubstr(R"(freshet_test_wait_seconds_count{tenant="quo\"te"} 5)"));
  EXPECT_THAT(text, HasSubstr(R"(freshet_test_wait_seconds_sum{tenant="quo\"te"} 0.8027)"));
}

TEST(Metrics, ATimeOfAnotherAgeMovesNoSumForEver) {
  Histogram histogram;
  for (int i = 0; i < 3; ++i) histogram.record(std::numeric_limits<int64_t>::max(), 2);
  histogram.record(std::numeric_limits<int64_t>::min());
  EXPECT_EQ(histogram.count(), 7u);
  EXPECT_EQ(histogram.sum_us(), 6.0 * ((uint64_t{1} << 37) - 1));
}

TEST(Metrics, ManyThreadsLoseNothing) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 10'000; ++i) counter("freshet_test_threads_total", "Threads.").add();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter("freshet_test_threads_total", "Threads.").value(), 40'000U);
}

}  // namespace
}  // namespace freshet::telemetry
