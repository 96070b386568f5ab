// A circuit breaker: after so many failures in a row it opens, and nothing is sent for a while, which is longer each
// time. Then one request is let through: if it goes well the breaker closes, else it opens again. Thread-safe.
#pragma once

#include <algorithm>
#include <mutex>

#include "env/clock.h"

namespace freshet::sinks {

class Breaker {
 public:
  static constexpr uint32_t kFailures = 5;
  static constexpr env::TimeUs kFirstUs = 5'000'000;
  static constexpr env::TimeUs kMaxUs = 60'000'000;

  // For how long nothing may be sent; 0: something may.
  [[nodiscard]] env::TimeUs open_for(env::TimeUs now) {
    const std::lock_guard lock(mutex_);
    return std::max<env::TimeUs>(0, until_ - now);
  }
  // It has been open, and nobody knows yet whether it is worth while: one request only.
  [[nodiscard]] bool probing() {
    const std::lock_guard lock(mutex_);
    return failures_ >= kFailures;
  }
  void succeeded() {
    const std::lock_guard lock(mutex_);
    failures_ = 0;
    until_ = 0;
    pause_ = kFirstUs;
  }
  void failed(env::TimeUs now) {
    const std::lock_guard lock(mutex_);
    if (++failures_ < kFailures) return;
    until_ = now + pause_;
    pause_ = std::min(2 * pause_, kMaxUs);
  }

 private:
  std::mutex mutex_;
  uint32_t failures_ = 0;  // in a row
  env::TimeUs until_ = 0;
  env::TimeUs pause_ = kFirstUs;
};

}  // namespace freshet::sinks
