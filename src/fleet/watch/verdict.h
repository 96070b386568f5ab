// Whether a consumer group keeps up in one partition, judged without a threshold: by the shape of its last commits. The
// rules and their order are those of Burrow's evaluator (github.com/linkedin/Burrow), whose own cases are
// verdict_test.cc. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/names.h"
#include "env/clock.h"

namespace freshet::fleet {

// In the order of concern. kUnknown: it has not been watched for long enough.
enum class Verdict : uint8_t { kOk, kUnknown, kWarn, kStall, kStop, kRewind };
[[nodiscard]] constexpr auto names_of(Verdict) {
  using enum Verdict;
  return std::to_array<Name<Verdict>>({{kOk, "ok"},            // it keeps up, or did so within the window
                                       {kUnknown, "unknown"},  //
                                       {kWarn, "warn"},        // it reads, and its lag never falls
                                       {kStall, "stall"},      // it commits the same offset again and again
                                       {kStop, "stop"},        // it commits nothing any more
                                       {kRewind, "rewind"}});  // it went back, and is not where it was before
}

inline constexpr int64_t kNoLag = -1;  // of a commit whose lag nobody knows

// What a group had committed in a partition, and when.
struct Commit {
  int64_t offset = 0;
  int64_t lag = kNoLag;
  env::TimeUs at_us = 0;
};

// What one partition's verdict is made of.
struct LagWindow {
  std::span<const Commit> commits;       // oldest first
  std::span<const int64_t> recent_ends;  // the log's end at the last few looks, in any order
  int64_t lag = 0;                       // now
  int64_t lag_allowed = 0;               // as much counts as none
  env::TimeUs now_us = 0;
};

// Never kUnknown: without commits it is kOk.
[[nodiscard]] Verdict judge(const LagWindow& window);

}  // namespace freshet::fleet
