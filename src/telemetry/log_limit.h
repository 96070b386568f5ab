// Keeps one kind of line from filling the log: what fails a thousand times a second is said a few times, with how often
// it was left out.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace freshet::telemetry {

// Lines are of one kind if they have one level and their first kKindBytes bytes differ in numbers only, as those of one
// call do: what went well at level debug uses nothing up of what failed. Not thread-safe.
class LogLimit {
 public:
  static constexpr uint64_t kLines = 20;  // of a kind, in each window
  static constexpr int64_t kWindowMs = 10'000;
  static constexpr size_t kKindsMax = 1024;  // beyond it all counts begin anew
  static constexpr size_t kKindBytes = 48;

  struct Verdict {
    bool shown = false;
    uint64_t left_out = 0;  // of a line that is shown: how many of its kind were left out before it
  };
  [[nodiscard]] Verdict take(int level, std::string_view message, int64_t now_ms);

 private:
  struct Kind {
    int64_t begins_ms = 0;
    uint64_t lines = 0;
    uint64_t left_out = 0;
  };
  std::unordered_map<uint64_t, Kind> kinds_;
};

}  // namespace freshet::telemetry
