// Times of senders: epoch seconds, epoch milliseconds (also as text), ISO 8601; and the correction of their clocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freshet::model {

using TimeUs = int64_t;  // microseconds since 1970-01-01T00:00:00Z

// The span in which a time is believed: 1970-01-01 to 2200-01-01.
inline constexpr TimeUs kTimeMin = 0;
inline constexpr TimeUs kTimeMax = 7'258'118'400'000'000;

// ISO 8601 date or date-time ("2026-01-02", "20260102T030405Z", "+05:30", " UTC", a blank for the T, an hour with AM or
// PM), one as mail and programs write it ("Tue, 14 Nov 2023 22:13:20 +0000"), or a number, also with a fraction or an
// exponent: below 10^11 seconds, below 10^14 milliseconds, below 10^17 microseconds, else nanoseconds. Digits may be of
// any script, and blanks around it do not count. nullopt: none of these, or outside the span.
[[nodiscard]] std::optional<TimeUs> parse_time(std::string_view text);
[[nodiscard]] std::optional<TimeUs> time_of_number(double number);
// "%Y%m%d" and the like; directives: Y m d e H I p M S f z a A b B y j T R F %.
[[nodiscard]] std::optional<TimeUs> parse_time_format(std::string_view text, std::string_view format);

// "2026-01-02T03:04:05.678Z": always milliseconds, always UTC.
[[nodiscard]] std::string format_time(TimeUs time);

// The client's time in our clock: timestamp + (received_at − sent_at), or timestamp if sent_at is not known;
// received_at if the timestamp is not known; never later than received_at. (Invariant 2.)
[[nodiscard]] TimeUs correct_clock(std::optional<TimeUs> timestamp, std::optional<TimeUs> sent_at, TimeUs received_at);

}  // namespace freshet::model
