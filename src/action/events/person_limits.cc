#include "action/events/person_limits.h"

#include <algorithm>
#include <limits>

namespace freshet::action {
namespace {

constexpr int64_t kWindowMinuteUs = 60'000'000;
constexpr int64_t kWindowHourUs = 60 * kWindowMinuteUs;
constexpr int64_t kWindowDayUs = 24 * kWindowHourUs;

uint32_t sum_of(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{a} + b, std::numeric_limits<uint32_t>::max()));
}

bool fits_window(const v1::EventWindow& window, uint32_t limit, int64_t number) {
  return limit == 0 || window.number() < number || window.events() < limit;
}

void count_in(v1::EventWindow& window, int64_t number, uint32_t events) {
  if (window.number() < number) window.set_events(0);
  window.set_number(std::max(window.number(), number));
  window.set_events(sum_of(window.events(), events));
}

}  // namespace

bool has_room(const v1::EventWindows& windows, const v1::PersonLimits& limits, int64_t received_at_us) {
  return fits_window(windows.minute(), limits.per_minute(), received_at_us / kWindowMinuteUs) &&
         fits_window(windows.hour(), limits.per_hour(), received_at_us / kWindowHourUs) &&
         fits_window(windows.day(), limits.per_day(), received_at_us / kWindowDayUs);
}

void count_events(v1::EventWindows& windows, int64_t received_at_us, uint32_t events) {
  count_in(*windows.mutable_minute(), received_at_us / kWindowMinuteUs, events);
  count_in(*windows.mutable_hour(), received_at_us / kWindowHourUs, events);
  count_in(*windows.mutable_day(), received_at_us / kWindowDayUs, events);
}

void absorb_windows(v1::EventWindows& windows, const v1::EventWindows& from) {
  const auto absorb = [](v1::EventWindow& window, const v1::EventWindow& other) {
    if (other.number() >= window.number()) return count_in(window, other.number(), other.events());
  };
  absorb(*windows.mutable_minute(), from.minute());
  absorb(*windows.mutable_hour(), from.hour());
  absorb(*windows.mutable_day(), from.day());
}

}  // namespace freshet::action
