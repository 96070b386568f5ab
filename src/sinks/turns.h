// Whose turn it is to send a request, so many a second: of one sink, or of all of a tenant together. Processes that
// share the partitions of a topic share what they may send in the same proportion, so all of them together keep to it.
// Thread-safe.
#pragma once

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>

#include "env/clock.h"

namespace freshet::sinks {

class Turns {
 public:
  explicit Turns(uint64_t per_second = 0) : per_second_(per_second) {}

  // 0: there is no limit.
  void set_rate(uint64_t per_second) {
    const std::lock_guard lock(mutex_);
    per_second_ = per_second;
  }
  // A sink with so many partitions in all has come, or, with less than 0, gone.
  void expect(int64_t partitions) {
    const std::lock_guard lock(mutex_);
    partitions_ += partitions;
  }
  // So many of these are this process's now; less than 0: not any more.
  void hold(int64_t partitions) {
    const std::lock_guard lock(mutex_);
    held_ += partitions;
  }
  // When the next request may be sent, which is taken. nullopt: not before `until`.
  [[nodiscard]] std::optional<env::TimeUs> take(env::TimeUs now, env::TimeUs until) {
    const std::lock_guard lock(mutex_);
    if (per_second_ == 0) return now;
    const env::TimeUs at = std::max(next_, now);
    if (at >= until) return std::nullopt;
    // What is still on its way from a partition that went to another process goes at the pace of one.
    const int64_t held = std::max<int64_t>(held_, 1), all = std::max(partitions_, held);
    constexpr double kSecondUs = 1e6;
    next_ = at + static_cast<env::TimeUs>(std::ceil(kSecondUs * static_cast<double>(all) /
                                                    (static_cast<double>(per_second_) * static_cast<double>(held))));
    return at;
  }

 private:
  std::mutex mutex_;
  uint64_t per_second_;
  int64_t partitions_ = 0;
  int64_t held_ = 0;
  env::TimeUs next_ = 0;
};

}  // namespace freshet::sinks
