// How large a record the log takes, if somebody has made that less than Freshet needs while it runs: a broker refuses
// the whole batch then, and nothing but the limit itself says which record of it was too large. Items that are over it
// are rejected one by one, so that the others of their requests go in, instead of being sent again for ever.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>

#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::ingest {

// Thread-safe. Log and clock outlive it.
class LogLimit {
 public:
  LogLimit(eventlog::EventLog& log, env::Clock& clock) : log_(log), clock_(clock) {}

  // An append was refused for good: the next request asks how large a record may be.
  void note_refusal() { asks_ = true; }
  // SIZE_MAX while nothing was refused. Asks the log, for which it waits, once after a refusal, and each minute for as
  // long as the limit is too low: what was lowered is put back.
  [[nodiscard]] size_t record_bytes_max() {
    constexpr env::TimeUs kAskAgainUs = 60'000'000;
    const size_t known = bytes_max_;
    if (!asks_ && known == kAny) return known;
    const env::TimeUs now = clock_.monotonic_us();
    if (!asks_.exchange(false) && now - asked_us_ < kAskAgainUs) return known;
    asked_us_ = now;
    if (const auto asked = log_.record_bytes_max(eventlog::Topic::kActions)) bytes_max_ = *asked;
    return bytes_max_;
  }

 private:
  static constexpr size_t kAny = std::numeric_limits<size_t>::max();

  eventlog::EventLog& log_;
  env::Clock& clock_;
  std::atomic<bool> asks_{false};
  std::atomic<size_t> bytes_max_{kAny};
  std::atomic<env::TimeUs> asked_us_{0};
};

}  // namespace freshet::ingest
