// A clock that stands still, but for those who sleep and for the test that sets it. Thread-safe.
#pragma once

#include <atomic>

#include "env/clock.h"

namespace freshet::env {

class FakeClock final : public Clock {
 public:
  static constexpr TimeUs kBeginUs = 1'767'225'600'000'000;  // 2026-01-01T00:00:00Z

  explicit FakeClock(TimeUs begin_us = kBeginUs) : now(begin_us) {}
  TimeUs now_us() override { return now + jumped; }
  TimeUs monotonic_us() override { return now; }
  void sleep_us(TimeUs duration) override { now += duration; }

  std::atomic<TimeUs> now;
  std::atomic<TimeUs> jumped{0};  // by so much the wall clock is wrong
};

}  // namespace freshet::env
