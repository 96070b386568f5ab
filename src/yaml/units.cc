// Only units that divide the value are used, so that nothing is rounded.
#include "yaml/units.h"

#include <array>
#include <string_view>
#include <utility>

namespace freshet::yaml {

std::string duration_text(int64_t us) {
  constexpr std::array<std::pair<int64_t, std::string_view>, 6> kUnits = {
      {{86'400'000'000, "d"}, {3'600'000'000, "h"}, {60'000'000, "m"}, {1'000'000, "s"}, {1000, "ms"}, {1, "us"}}};
  if (us == 0) return "0s";
  for (const auto& [size, name] : kUnits) {
    if (us % size == 0) return std::to_string(us / size).append(name);
  }
  return "";
}

std::string size_text(uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (unit + 1 < kUnits.size() && bytes > 0 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes).append(kUnits[unit]);
}

}  // namespace freshet::yaml
