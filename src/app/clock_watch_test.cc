#include "app/clock_watch.h"

#include <gtest/gtest.h>

#include "telemetry/metrics.h"
#include "testing/clock.h"

namespace freshet::app {
namespace {

constexpr env::TimeUs kWholeDayUs = 86'400'000'000;

TEST(ClockWatch, LetsNothingExpireByAClockThatJumps) {
  env::FakeClock clock;
  ClockWatch watch(clock);
  EXPECT_EQ(watch.expires_before_us(30 * kWholeDayUs), 0) << "it has only just begun to look";
  for (int i = 0; i < 4; ++i) {
    clock.now += env::kSteadyUs / 2;
    watch.tick();
  }
  EXPECT_EQ(watch.expires_before_us(30 * kWholeDayUs), clock.now_us() - 30 * kWholeDayUs);
  telemetry::Counter& jumps = telemetry::counter("freshet_clock_jumps_total", "");
  const auto before = jumps.value();
  clock.jumped = 40 * kWholeDayUs;
  watch.tick();
  EXPECT_EQ(watch.expires_before_us(30 * kWholeDayUs), 0);
  clock.now += 11'000'000;
  watch.tick();
  clock.jumped = 0;
  watch.tick();
  EXPECT_EQ(watch.expires_before_us(30 * kWholeDayUs), 0) << "it was wrong a moment ago";
  EXPECT_EQ(jumps.value(), before + 2);
  clock.now += env::kSteadyUs;
  watch.tick();
  EXPECT_EQ(watch.expires_before_us(30 * kWholeDayUs), clock.now_us() - 30 * kWholeDayUs);
}

}  // namespace
}  // namespace freshet::app
