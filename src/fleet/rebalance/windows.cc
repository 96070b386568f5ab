// A window is weekly, and a week is short: all spans of the next days are made and put in order, and every question is
// answered from that list. So windows that overlap, that go over midnight and nights in which clocks change need no
// cases of their own.
#include "fleet/rebalance/windows.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "base/saturated.h"
#include "fleet/text.h"

namespace freshet::fleet::rebalance {
namespace {

constexpr int64_t kDayS = 86'400;
constexpr int64_t kHorizonDays = 10;  // a window of once a week is met in any of them
constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

struct Hours {
  uint8_t days = 0;
  int64_t begin_s = 0, end_s = 0;
  std::string zone;
};

std::string_view take_until(std::string_view& text, char end) {
  const size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

std::optional<size_t> day_of(std::string_view text) {
  const auto at = std::find(kDays.begin(), kDays.end(), text);
  if (at == kDays.end()) return std::nullopt;
  return static_cast<size_t>(at - kDays.begin());
}

// "mon", "fri-mon"
bool add_days(std::string_view text, uint8_t& days) {
  const auto first = day_of(take_until(text, '-'));
  const auto last = text.empty() ? first : day_of(text);
  if (!first || !last) return false;
  for (size_t day = *first;; day = (day + 1) % 7) {
    days = static_cast<uint8_t>(days | 1u << day);
    if (day == *last) return true;
  }
}

std::optional<Hours> hours_of(std::string_view text) {
  Hours out;
  std::string_view days = take_until(text, ' '), times = take_until(text, ' ');
  out.zone = text.empty() ? "UTC" : std::string(text);
  if (out.zone.find(' ') != std::string::npos) return std::nullopt;
  if (days == "daily") {
    out.days = 0x7f;
  } else {
    if (days.empty() || days.back() == ',' || days.back() == '-') return std::nullopt;
    while (!days.empty())
      if (!add_days(take_until(days, ','), out.days)) return std::nullopt;
  }
  const auto begin_s = clock_seconds(take_until(times, '-')), end_s = clock_seconds(times);
  if (!begin_s || !end_s || *begin_s == *end_s || *begin_s == kDayS) return std::nullopt;
  out.begin_s = *begin_s;
  out.end_s = *end_s > *begin_s ? *end_s : *end_s + kDayS;
  return out;
}

// A broker may be told to keep what is deleted for ever: then the next wave is at the end of the calendar (9999-12-31).
// It begins with 0001-01-01.
constexpr int64_t kFirstS = -62'135'596'800, kLastS = 253'402'300'799;

int64_t day_number(int64_t seconds) { return seconds >= 0 ? seconds / kDayS : -((-seconds + kDayS - 1) / kDayS); }

// 1970-01-01 was a Thursday.
size_t weekday_of(int64_t day) { return static_cast<size_t>(((day + 3) % 7 + 7) % 7); }

}  // namespace

bool is_window_text(std::string_view text) { return hours_of(text).has_value(); }

Result<Windows> Windows::parse(const std::vector<std::string>& texts) {
  Windows out;
  for (const std::string& text : texts) {
    const auto hours = hours_of(text);
    if (!hours) return fail(Code::kInvalid, fmt::format("window \"{}\": it must be {}", text, kWindowForm));
    auto zone = Zone::named(hours->zone);
    if (!zone) return fail(Code::kInvalid, fmt::format("window \"{}\": {}", text, zone.error().message));
    out.windows_.push_back({hours->days, hours->begin_s, hours->end_s, *std::move(zone)});
  }
  return out;
}

std::vector<Span> Windows::spans(int64_t from_s) const {
  std::vector<Span> all;
  const int64_t today = day_number(from_s);
  for (const Window& window : windows_) {
    // Two days back: a place may be a day ahead of UTC, and its window may have begun the evening before.
    for (int64_t day = today - 2; day <= today + kHorizonDays; ++day) {
      if ((window.days >> weekday_of(day) & 1) == 0) continue;
      const int64_t local_s = day * kDayS;
      const Span span{window.zone.utc_of(local_s + window.begin_s), window.zone.utc_of(local_s + window.end_s)};
      // A window within an hour that clocks leave out is none that day.
      if (span.begin_s < span.end_s) all.push_back(span);
    }
  }
  std::sort(all.begin(), all.end(), [](const Span& a, const Span& b) { return a.begin_s < b.begin_s; });
  std::vector<Span> out;
  for (const Span& span : all) {
    if (!out.empty() && span.begin_s <= out.back().end_s) {
      out.back().end_s = std::max(out.back().end_s, span.end_s);
    } else {
      out.push_back(span);
    }
  }
  return out;
}

std::optional<Span> Windows::next(int64_t from_s) const {
  for (const Span& span : spans(from_s))
    if (span.end_s > from_s) return span;
  return std::nullopt;
}

std::optional<int64_t> Windows::next_fit(int64_t from_s, double duration_s) const {
  if (empty()) return from_s;
  for (const Span& span : spans(from_s)) {
    const int64_t begin_s = std::max(from_s, span.begin_s);
    if (static_cast<double>(begin_s) + duration_s <= static_cast<double>(span.end_s)) return begin_s;
  }
  return std::nullopt;
}

double Windows::longest_s(int64_t from_s) const {
  int64_t longest = 0;
  for (const Span& span : spans(from_s)) longest = std::max(longest, span.end_s - span.begin_s);
  return static_cast<double>(longest);
}

Result<std::vector<Span>> schedule_of(const std::vector<Errand>& errands, const Windows& windows, int64_t now_s) {
  std::vector<Span> out;
  double at_s = static_cast<double>(now_s);
  for (const Errand& errand : errands) {
    const auto earliest_s = whole_number(std::min(std::ceil(at_s + errand.waits_s), static_cast<double>(kLastS)));
    const auto begin_s = windows.next_fit(earliest_s, errand.duration_s);
    if (!begin_s)
      return fail(
          Code::kConflict,
          fmt::format("wave {} takes {} at most, and no window of maintenance is longer than {}: a higher "
                      "throttle, fewer moves at once or a longer window would help",
                      out.size() + 1, duration_text(errand.duration_s), duration_text(windows.longest_s(earliest_s))));
    at_s = std::min(static_cast<double>(*begin_s) + errand.duration_s, static_cast<double>(kLastS));
    out.push_back({*begin_s, whole_number(std::ceil(at_s))});
  }
  return out;
}

std::string moment_text(int64_t of_s) {
  using namespace std::chrono;
  const int64_t utc_s = std::clamp(of_s, kFirstS, kLastS);
  const sys_days days = floor<std::chrono::days>(sys_seconds(seconds(utc_s)));
  const year_month_day date(days);
  const int64_t of_day = utc_s - int64_t{days.time_since_epoch().count()} * kDayS;
  std::string name(kDays.at(weekday_of(days.time_since_epoch().count())));
  name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return fmt::format("{} {:04}-{:02}-{:02} {:02}:{:02} UTC", name, static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day / 3600,
                     of_day / 60 % 60);
}

std::string moment_iso(int64_t utc_s) {
  const std::string text = moment_text(utc_s);  // "Sat 2026-11-28 01:00 UTC"
  return fmt::format("{}T{}:{:02}Z", text.substr(4, 10), text.substr(15, 5), ((utc_s % 60) + 60) % 60);
}

}  // namespace freshet::fleet::rebalance
