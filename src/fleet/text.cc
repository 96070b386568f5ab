// Figures in findings and reports are made here. Rates are shown in powers of 1000, as clouds and network cards are
// sold; sizes that go into fleet.yaml are exact, in powers of 1024, as Kafka's settings are.
#include "fleet/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace freshet::fleet {
namespace {

template <size_t N>
std::string scaled(double value, const std::array<std::string_view, N>& units) {
  size_t unit = 0;
  // 999.95 would be shown as 1000.0.
  while (unit + 1 < N && value >= 999.95) {
    value /= 1000;
    ++unit;
  }
  if (value > 0 && value < 0.095) return fmt::format("{:.2g}{}", value, units[0]);  // little, and not nothing
  if (unit == 0) return fmt::format("{:.{}f}{}", value, value < 10 && value != std::floor(value) ? 1 : 0, units[0]);
  return fmt::format("{:.{}f}{}", value, value < 99.95 ? 1 : 0, units[unit]);
}

}  // namespace

std::string bytes_text(double bytes) {
  return scaled(bytes, std::array<std::string_view, 6>{" B", " kB", " MB", " GB", " TB", " PB"});
}

std::string rate_text(double bytes_per_s) { return bytes_text(bytes_per_s) + "/s"; }

std::string count_text(double count) {
  return scaled(count, std::array<std::string_view, 4>{"", " thousand", " million", " billion"});
}

std::string duration_text(double seconds) {
  constexpr double kMinute = 60;
  constexpr double kHour = 60 * kMinute;
  constexpr double kDay = 24 * kHour;
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  if (seconds < 2 * kMinute) return fmt::format("{:.0f} s", seconds);
  if (seconds < 2 * kHour) return fmt::format("{:.0f} min", seconds / kMinute);
  if (seconds < 2 * kDay) return fmt::format("{:.1f} h", seconds / kHour);
  return fmt::format("{:.0f} days", std::min(seconds / kDay, 9999.0));
}

std::string plural(uint64_t count, const std::string& one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

}  // namespace freshet::fleet
