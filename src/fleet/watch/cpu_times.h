// How busy brokers' machines are, from what their kernels count: Linux' /proc/stat, which whoever has a shell there can
// read.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "env/clock.h"

namespace freshet::fleet {

// Ticks of all processors together since the machine began; what a hypervisor took from it counts as busy.
struct CpuTimes {
  uint64_t busy = 0;
  uint64_t all = 0;
};
// nullopt: the text has no line "cpu …" of such numbers.
[[nodiscard]] std::optional<CpuTimes> parse_proc_stat(std::string_view text);

// Remembers a minute of each broker.
class CpuShares {
 public:
  // The share of its machine's processors that was busy over the last minute, or since it was first told; nullopt: it
  // was not told twice yet, or its machine began anew.
  [[nodiscard]] std::optional<double> take(int32_t broker, env::TimeUs at_us, const CpuTimes& now);

 private:
  std::map<int32_t, std::deque<std::pair<env::TimeUs, CpuTimes>>> told_;
};

}  // namespace freshet::fleet
