// Reading and writing times without the C library, whose functions depend on the machine's time zone and locale: what
// a record says must mean the same on every node.
#include "model/time.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "base/assert.h"
#include "base/number.h"
#include "base/text.h"
#include "base/utf8.h"
#include "model/code_point.h"
#include "model/digits.h"
#include "model/padding.h"
#include "model/time_zone.h"

namespace freshet::model {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMillisecond = 1'000;
constexpr int64_t kDay = 86'400 * kSecond;
constexpr int64_t kSecondsBelow = 100'000'000'000;  // A number from here on means milliseconds.

// A day of the Gregorian calendar, also where that was not in use yet.
struct Civil {
  int year = 1970;
  int month = 1;
  int day = 1;
};

constexpr bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// Days before the month, in a common year.
constexpr std::array<int, 13> kDaysBefore = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

constexpr int days_in(int year, int month) {
  FRESHET_ASSERT(month >= 1 && month <= 12);
  const auto m = static_cast<size_t>(month);
  return kDaysBefore[m] - kDaysBefore[m - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

// Days from 1970-01-01. REQUIRES: year >= 1.
constexpr int64_t days_of(const Civil& c) {
  FRESHET_ASSERT(c.year >= 1 && c.month >= 1 && c.month <= 12);
  const int64_t past = c.year - 1;  // whole years since 0001-01-01
  const int64_t days = past * 365 + past / 4 - past / 100 + past / 400;
  const int in_year = kDaysBefore[static_cast<size_t>(c.month - 1)] + (c.month > 2 && is_leap(c.year) ? 1 : 0);
  return days + in_year + c.day - 1 - 719'162;  // 719162: days from 0001-01-01 to 1970-01-01
}

// The inverse of days_of(), for 0001-01-01 and later. The last day of 400 years, or of 4, would begin a fifth century
// or year, hence the minima.
constexpr Civil civil_of(int64_t days_since_epoch) {
  int64_t days = days_since_epoch + 719'162;
  const int64_t eras = days / 146'097;  // of 400 years
  days %= 146'097;
  const int64_t centuries = std::min<int64_t>(days / 36'524, 3);
  days -= centuries * 36'524;
  const int64_t fours = days / 1'461;
  days %= 1'461;
  const int64_t ones = std::min<int64_t>(days / 365, 3);
  days -= ones * 365;
  Civil c;
  c.year = static_cast<int>(eras * 400 + centuries * 100 + fours * 4 + ones + 1);
  c.month = static_cast<int>(days / 31) + 1;  // This is never too late, and at most one too early.
  const int leap = is_leap(c.year) ? 1 : 0;
  const auto before = [leap](int month) {
    return kDaysBefore[static_cast<size_t>(month - 1)] + (month > 2 ? leap : 0);
  };
  if (c.month < 12 && days >= before(c.month + 1)) ++c.month;
  c.day = static_cast<int>(days) - before(c.month) + 1;
  FRESHET_ASSERT(c.day >= 1 && c.day <= days_in(c.year, c.month));
  return c;
}

// A time outside of the span is a sender's mistake, such as microseconds that were sent as milliseconds.
std::optional<TimeUs> believed(int64_t time) {
  if (time < kTimeMin || time > kTimeMax) return std::nullopt;
  return time;
}

constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays = {"monday", "tuesday",  "wednesday", "thursday",
                                                       "friday", "saturday", "sunday"};
constexpr size_t kNameBytesMax = 9;
constexpr int kMillisecondDigitsMax = 15;

// Reads a text from the left.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  [[nodiscard]] bool empty() const { return at_ == end_; }
  [[nodiscard]] char peek() const { return at_ == end_ ? '\0' : *at_; }
  bool skip(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool skip_any(char a, char b) { return skip(a) || skip(b); }
  void skip_blanks() {
    while (skip(' ')) {
    }
  }
  // From `least` to `most` digits.
  bool number(int least, int most, int& value) {
    value = 0;
    int digits = 0;
    for (; digits < most && at_ != end_ && is_digit(*at_); ++digits) value = value * 10 + (*at_++ - '0');
    return digits >= least;
  }
  bool digits(int64_t& value) {
    int count = 0;
    for (value = 0; count < kMillisecondDigitsMax && is_digit(peek()); ++count) value = value * 10 + (*at_++ - '0');
    return count > 0;
  }
  // One digit or more, as millionths; what is finer is cut off.
  bool fraction(int64_t& micros) {
    if (!is_digit(peek())) return false;
    int64_t unit = 100'000;
    for (micros = 0; at_ != end_ && is_digit(*at_); ++at_, unit /= 10) micros += unit * (*at_ - '0');
    return true;
  }
  bool skip_word(std::string_view word) {
    if (std::string_view(at_, static_cast<size_t>(end_ - at_)).substr(0, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  // "Z", "+05:30", "+0530", "+05", "UTC", "GMT+0530".
  bool zone(int64_t& offset_us) {
    offset_us = 0;
    if (skip_any('Z', 'z')) return true;
    const bool named = skip_word("UTC") || skip_word("GMT");
    const char sign = peek();
    if (sign != '+' && sign != '-') return named;
    ++at_;
    int hours = 0;
    int minutes = 0;
    if (!number(2, 2, hours)) return false;
    const bool colon = skip(':');
    if ((colon || is_digit(peek())) && !number(2, 2, minutes)) return false;
    if (hours > 23 || minutes > 59) return false;
    offset_us = (hours * 60 + minutes) * 60 * kSecond * (sign == '-' ? -1 : 1);
    return true;
  }
  // "[Europe/Paris]", to the end.
  bool bracketed() { return peek() == '[' && *(end_ - 1) == ']'; }
  // Behind an offset, to the end: " IST", " (India Standard Time)", " +0530 m=+0.1". It says again what that says.
  bool name_of_zone() {
    if (!skip(' ') || at_ == end_) return false;
    const auto of_name = [](char c) { return is_name_char(c) || std::string_view(" ()/+-=.:,'").find(c) != npos; };
    return std::all_of(at_, end_, of_name);
  }
  // "AM" or "p.m.", in any case.
  bool half_of_day(bool& afternoon) {
    afternoon = skip_any('p', 'P');
    if (!afternoon && !skip_any('a', 'A')) return false;
    skip('.');
    if (!skip_any('m', 'M')) return false;
    skip('.');
    return true;
  }
  bool month_name(int& month) { return name_of(kMonths, month); }
  bool weekday() {
    int day = 0;
    return name_of(kWeekdays, day);
  }

 private:
  static constexpr size_t npos = std::string_view::npos;

  // Its first three letters, or all of it; `number` counts from 1.
  bool name_of(std::span<const std::string_view> names, int& number) {
    const std::string low =
        freshet::lower_case(std::string_view(at_, static_cast<size_t>(end_ - at_)).substr(0, kNameBytesMax));
    for (size_t i = 0; i < names.size(); ++i) {
      if (low.substr(0, 3) != names[i].substr(0, 3)) continue;
      number = static_cast<int>(i) + 1;
      at_ += low.starts_with(names[i]) ? names[i].size() : low.starts_with("sept") ? 4 : 3;
      return true;
    }
    return false;
  }

  const char* at_;
  const char* end_;
};

// What was read of a time. What is not given stays as it is here: midnight, UTC.
struct Parts {
  Civil date;
  int year_day = 0;  // 0: not given
  bool has_year = false;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int64_t fraction_us = 0;
  int64_t zone_us = 0;
  bool has_zone = false;
  bool twelve_hours = false;  // hour is one of a clock's face
  bool afternoon = false;
};

// The moment that the parts mean; nullopt: there is no such day or hour. Second 60 is let through: a leap second is
// the first moment of the next minute.
std::optional<TimeUs> time_of(const Parts& p) {
  if (p.date.year < 1 || p.date.month < 1 || p.date.month > 12 || p.date.day < 1) return std::nullopt;
  if (p.date.day > days_in(p.date.year, p.date.month)) return std::nullopt;
  if (p.hour > 23 || p.minute > 59 || p.second > 60) return std::nullopt;
  int64_t days = days_of(p.date);
  if (p.year_day > 0) {
    if (p.year_day > (is_leap(p.date.year) ? 366 : 365)) return std::nullopt;
    days = days_of({p.date.year, 1, 1}) + p.year_day - 1;
  }
  const int hour = p.twelve_hours ? p.hour % 12 + (p.afternoon ? 12 : 0) : p.hour;
  const int64_t seconds = (hour * 60 + p.minute) * 60 + p.second;
  return believed(days * kDay + seconds * kSecond + p.fraction_us - p.zone_us);
}

// Reads "2026-01-02", or "20260102".
bool read_date(Cursor& in, Parts& p, bool& dashes) {
  if (!in.number(4, 4, p.date.year)) return false;
  dashes = in.skip('-');
  return in.number(2, 2, p.date.month) && (!dashes || in.skip('-')) && in.number(2, 2, p.date.day);
}

// What ends a time.
bool read_zone(Cursor& in, Parts& p) {
  in.skip(' ');
  p.has_zone = true;
  return in.zone(p.zone_us) && (in.empty() || in.bracketed() || in.name_of_zone());
}

// " PM", as phones write it whose users like such clocks.
bool read_half_of_day(Cursor& in, Parts& p) {
  Cursor behind = in;
  behind.skip(' ');
  if (!behind.half_of_day(p.afternoon)) return true;
  in = behind;
  p.twelve_hours = true;
  return p.hour >= 1 && p.hour <= 12;
}

// Accepts what senders write, which is more than the standard allows: a blank for the T, an hour of one digit or of a
// clock's face, a comma in the fraction, a colon behind it, no zone; or one in words, and behind it its name
// ([Europe/Paris], RFC 9557).
std::optional<Parts> read_iso(std::string_view text) {
  Cursor in(text);
  Parts p;
  bool dashes = false;
  if (!read_date(in, p, dashes)) return std::nullopt;
  if (in.empty()) return p;
  if (!in.skip_any('T', 't') && !(dashes && in.skip(' '))) return std::nullopt;
  if (!in.number(dashes ? 1 : 2, 2, p.hour) || (dashes && !in.skip(':')) || !in.number(2, 2, p.minute))
    return std::nullopt;
  if (dashes ? in.skip(':') : is_digit(in.peek())) {
    if (!in.number(2, 2, p.second)) return std::nullopt;
    if (in.skip_any('.', ',') && (!in.fraction(p.fraction_us) || (in.skip(':') && in.empty()))) return std::nullopt;
  }
  if (dashes && !read_half_of_day(in, p)) return std::nullopt;
  return in.empty() || read_zone(in, p) ? std::optional(p) : std::nullopt;
}

std::optional<TimeUs> parse_iso(std::string_view text) {
  const auto parts = read_iso(text);
  return parts ? time_of(*parts) : std::nullopt;
}

// "22:13", "22:13:20", of which the hour was read.
bool read_clock(Cursor& in, Parts& p) {
  if (!in.skip(':') || !in.number(2, 2, p.minute)) return false;
  if (!in.skip(':')) return true;
  if (!in.number(2, 2, p.second)) return false;
  return !in.skip('.') || in.fraction(p.fraction_us);
}

// What mail, HTTP and programs write for people: "Tue, 14 Nov 2023 22:13:20 +0000" (RFC 5322), "Tue Nov 14 2023
// 22:13:20 GMT+0000 (Coordinated Universal Time)" (JavaScript), "Tue Nov 14 22:13:20 UTC 2023" (Java).
std::optional<Parts> read_words(std::string_view text) {
  Cursor in(text);
  Parts p;
  if (in.weekday()) in.skip(',');
  in.skip_blanks();
  const bool day_first = in.number(1, 2, p.date.day);
  if (day_first && !in.skip_any(' ', '-')) return std::nullopt;
  if (!in.month_name(p.date.month) || !in.skip_any(' ', '-')) return std::nullopt;
  in.skip_blanks();
  if (!day_first && (!in.number(1, 2, p.date.day) || !(in.skip(',') || in.peek() == ' '))) return std::nullopt;
  in.skip_blanks();
  int number = 0;
  if (!in.number(1, 4, number)) return std::nullopt;
  const bool year_last = in.peek() == ':';
  (year_last ? p.hour : p.date.year) = number;
  if (!year_last && (number < 1000 || in.empty())) return number < 1000 ? std::nullopt : std::optional(p);
  if (!year_last && (!in.skip(' ') || !in.number(1, 2, p.hour))) return std::nullopt;
  if (!read_clock(in, p)) return std::nullopt;
  if (!year_last) return in.empty() || read_zone(in, p) ? std::optional(p) : std::nullopt;
  p.has_zone = true;
  if (!in.skip(' ') || !in.zone(p.zone_us) || !in.skip(' ') || !in.number(4, 4, p.date.year)) return std::nullopt;
  return in.empty() ? std::optional(p) : std::nullopt;
}

std::optional<TimeUs> parse_words(std::string_view text) {
  const auto parts = read_words(text);
  return parts ? time_of(*parts) : std::nullopt;
}

bool read_directive(char directive, Cursor& in, Parts& p) {
  const auto date = [&] {
    return in.number(4, 4, p.date.year) && in.skip('-') && in.number(1, 2, p.date.month) && in.skip('-') &&
           in.number(1, 2, p.date.day);
  };
  const auto clock = [&] {
    return in.number(1, 2, p.hour) && in.skip(':') && in.number(1, 2, p.minute) && in.skip(':') &&
           in.number(1, 2, p.second);
  };
  switch (directive) {
    case 'Y': return p.has_year = in.number(4, 4, p.date.year);
    case 'y':
      p.has_year = in.number(2, 2, p.date.year);
      p.date.year += p.date.year < 69 ? 2000 : 1900;
      return p.has_year;
    case 'm': return in.number(1, 2, p.date.month);
    case 'b':
    case 'B': return in.month_name(p.date.month);
    case 'a':
    case 'A': return in.weekday();
    case 'e': in.skip(' '); return in.number(1, 2, p.date.day);
    case 'd': return in.number(1, 2, p.date.day);
    case 'j': return in.number(1, 3, p.year_day) && p.year_day > 0;
    case 'H': return in.number(1, 2, p.hour);
    case 'I': p.twelve_hours = true; return in.number(1, 2, p.hour) && p.hour >= 1 && p.hour <= 12;
    case 'p': return in.half_of_day(p.afternoon);
    case 'M': return in.number(1, 2, p.minute);
    case 'S': return in.number(1, 2, p.second);
    case 'f': return in.fraction(p.fraction_us);
    case 'z': return in.zone(p.zone_us);
    case 'T': return clock();
    case 'R': return in.number(1, 2, p.hour) && in.skip(':') && in.number(1, 2, p.minute);
    case 'F': return p.has_year = date();
    case '%': return in.skip('%');
    default: return false;
  }
}

constexpr size_t kTimeDigitsMax = 19;  // of nanoseconds; so many can't overflow 64 bits
constexpr size_t kTimeBytesMax = 80;   // with the name of a zone
constexpr size_t kDateDigits = 8;
constexpr char32_t kMinusSign = 0x2212;
constexpr std::string_view kNetDate = "/Date(";
// From here on a number means microseconds, or nanoseconds: in milliseconds these were thousands of years from now.
constexpr uint64_t kMicrosecondsFrom = 100'000'000'000'000, kNanosecondsFrom = 100'000'000'000'000'000;

// "2026-…" or "20260102T…".
bool is_iso(std::string_view text) {
  if (text.size() <= 4 || !std::all_of(text.begin(), text.begin() + 4, is_digit)) return false;
  return text[4] == '-' || (text.size() > kDateDigits && (text[kDateDigits] | 0x20) == 't');
}

// Without what people and keyboards put around and between: blanks of every kind, marks of direction, the minus sign
// of typesetters; digits of any script as 0 to 9.
std::string plain_time(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint c = code_point(text);
    if (c.letter == kMinusSign) {
      out += '-';
    } else if (c.bytes == 1 || !is_padding(c.letter)) {
      out.append(text.substr(0, c.bytes));
    } else if (!is_invisible(c.letter)) {
      out += ' ';
    }
    text.remove_prefix(c.bytes);
  }
  return with_ascii_digits(without_padding(out));
}

// The same, in `storage` where it is not the text itself, as nearly all are.
std::string_view plain_time(std::string_view text, std::string& storage) {
  if (is_ascii(text)) return without_padding(text);
  return storage = plain_time(text);
}

std::optional<TimeUs> time_of_epoch(uint64_t number) {
  if (number >= kNanosecondsFrom) return believed(static_cast<int64_t>(number / 1'000));
  const auto small = static_cast<int64_t>(number);
  if (number >= kMicrosecondsFrom) return believed(small);
  return believed(small * (small < kSecondsBelow ? kSecond : kMillisecond));
}

// "/Date(1700000000250+0530)/", as .NET writes milliseconds. What stands behind them is how a clock there shows it.
std::optional<TimeUs> parse_net_date(std::string_view text) {
  if (!text.starts_with(kNetDate) || !text.ends_with(")/")) return std::nullopt;
  Cursor in(text.substr(kNetDate.size(), text.size() - kNetDate.size() - 2));
  int64_t zone = 0, milliseconds = 0;
  if (!in.digits(milliseconds) || !(in.empty() || in.zone(zone)) || !in.empty()) return std::nullopt;
  return believed(milliseconds * kMillisecond);
}

// "1700000000.25", "1.7e9", as languages write that count in doubles. None of them means a sign, "inf" or "nan".
std::optional<TimeUs> parse_number(std::string_view text) {
  const auto number = is_digit(text.front()) ? to_number<double>(text) : std::nullopt;
  return number ? time_of_number(*number) : std::nullopt;
}

// Writes a number with so many digits, zeros in front, and returns the end of them.
char* put_digits(char* out, int64_t value, int digits) {
  for (int i = digits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
  FRESHET_ASSERT(value == 0);  // It had no more digits, and was not negative.
  return out + digits;
}

}  // namespace

std::optional<TimeUs> parse_time(std::string_view sent) {
  if (sent.size() > kTimeBytesMax) return std::nullopt;
  std::string storage;
  const std::string_view text = plain_time(sent, storage);
  if (text.empty() || !is_ascii(text)) return std::nullopt;
  if (is_iso(text)) return parse_iso(text);
  const bool whole = std::all_of(text.begin(), text.end(), is_digit);
  if (!whole || text.size() > kTimeDigitsMax) {
    if (const auto number = parse_number(text)) return number;
    return text.starts_with(kNetDate.front()) ? parse_net_date(text) : parse_words(text);
  }
  if (text.size() == kDateDigits)
    if (const auto day = parse_iso(text)) return day;
  uint64_t number = 0;
  for (const char c : text) number = number * 10 + static_cast<uint64_t>(c - '0');
  return time_of_epoch(number);
}

bool has_zone(std::string_view text) {
  std::string storage;
  const std::string_view plain = plain_time(text, storage);
  const bool iso = is_iso(plain) || (plain.size() == kDateDigits && parse_iso(plain));
  const auto parts = iso ? read_iso(plain) : read_words(plain);
  return !parts || parts->has_zone;  // an epoch is UTC
}

std::optional<TimeUs> time_of_number(double number) {
  if (!(number >= 0.0 && number <= static_cast<double>(kTimeMax))) return std::nullopt;  // also NaN
  const auto below = [number](auto bound) { return number < static_cast<double>(bound); };
  const int64_t unit = below(kSecondsBelow) ? kSecond : below(kMicrosecondsFrom) ? kMillisecond : 1;
  const double micros = number * static_cast<double>(unit);
  if (micros > static_cast<double>(kTimeMax)) return std::nullopt;
  return believed(std::llround(micros));
}

std::optional<TimeUs> parse_time_format(std::string_view sent, std::string_view format) {
  std::string storage;
  Cursor in(is_ascii(format) ? plain_time(sent, storage) : sent);
  Parts parts;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      if (!in.skip(format[i])) return std::nullopt;
      continue;
    }
    if (++i == format.size() || !read_directive(format[i], in, parts)) return std::nullopt;
  }
  if (!in.empty() || !parts.has_year) return std::nullopt;
  return time_of(parts);
}

std::string format_time(TimeUs time) {
  constexpr TimeUs kFirst = -719'162 * kDay;      // 0001-01-01
  constexpr TimeUs kLast = 2'932'897 * kDay - 1;  // the end of 9999-12-31
  const TimeUs since_first = std::clamp(time, kFirst, kLast) - kFirst;
  const Civil date = civil_of(since_first / kDay - 719'162);
  const int64_t millis = since_first % kDay / kMillisecond;
  std::array<char, 24> text{};
  char* out = put_digits(text.data(), date.year, 4);
  *out++ = '-';
  out = put_digits(out, date.month, 2);
  *out++ = '-';
  out = put_digits(out, date.day, 2);
  *out++ = 'T';
  out = put_digits(out, millis / 3'600'000, 2);
  *out++ = ':';
  out = put_digits(out, millis / 60'000 % 60, 2);
  *out++ = ':';
  out = put_digits(out, millis / 1'000 % 60, 2);
  *out++ = '.';
  out = put_digits(out, millis % 1'000, 3);
  *out++ = 'Z';
  return {text.data(), text.size()};
}

// A phone whose clock is a year ahead tells when it sent the request, by the same clock: the difference to our own
// time of receipt is its error. Without the correction its attributes would win over everybody's for a year.
TimeUs correct_clock(std::optional<TimeUs> timestamp, std::optional<TimeUs> sent_at, TimeUs received_at) {
  if (!timestamp) return received_at;
  TimeUs offset = 0;
  TimeUs corrected = *timestamp;
  if (sent_at) {
    // Wild clocks may leave the range of numbers: then nothing of what they say is worth keeping.
    if (__builtin_sub_overflow(received_at, *sent_at, &offset)) return received_at;
    if (__builtin_add_overflow(*timestamp, offset, &corrected)) return received_at;
  }
  return std::min(std::max(corrected, kTimeMin), received_at);
}

}  // namespace freshet::model
