// Decimals are read from the digits as they were written, never by way of a double: 0.1 is a tenth here, and a hundred
// of them are ten.
#include "model/decimal.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/text.h"

namespace freshet::model {
namespace {

__extension__ typedef __int128 Int;
__extension__ typedef unsigned __int128 Unsigned;

constexpr int kDigitsMax = 38;  // The units at the end of the range, 10^37, have so many digits.

constexpr Int power_of_ten(int exponent) {
  Int power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

constexpr Int kUnit = power_of_ten(Decimal::kScale);
constexpr Int kEnd = power_of_ten(28) * kUnit;

Int clamp_to_range(Int units) { return std::clamp<Int>(units, -kEnd, kEnd); }

// A number as written: digits without the point, and how many places the point is to be moved to the right.
struct Written {
  bool negative = false;
  std::string_view digits;  // may hold one '.'
  int64_t fraction_digits = 0;
  int64_t exponent = 0;
};

bool read_exponent(std::string_view text, int64_t& exponent) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  // The exponent saturates far beyond every digit that a text can have, so that huge ones need no arithmetic of their
  // own.
  constexpr int64_t kHuge = int64_t{1} << 40;
  for (const char c : text) exponent = std::min<int64_t>(exponent * 10 + (c - '0'), kHuge);
  if (negative) exponent = -exponent;
  return true;
}

// Splits a number into its parts. False: it is none.
bool read_written(std::string_view text, Written& w) {
  w.negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const size_t end = std::min(text.find_first_of("eE"), text.size());
  if (end < text.size() && !read_exponent(text.substr(end + 1), w.exponent)) return false;
  w.digits = text.substr(0, end);
  const size_t point = w.digits.find('.');
  if (point != std::string_view::npos) w.fraction_digits = static_cast<int64_t>(w.digits.size() - point - 1);
  size_t count = 0;
  for (size_t i = 0; i < w.digits.size(); ++i) {
    if (i == point) continue;
    if (!is_digit(w.digits[i])) return false;
    ++count;
  }
  return count > 0;
}

}  // namespace

// The words come from rows and messages; what is out of range is clamped, so that no sum ever overflows.
Decimal Decimal::from_words(int64_t high, uint64_t low) {
  Decimal d;
  d.units_ = clamp_to_range(static_cast<Int>(static_cast<Unsigned>(static_cast<uint64_t>(high)) << 64 | low));
  return d;
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
  Written w;
  if (!read_written(text, w)) return std::nullopt;
  // The units are the digits × 10^shift; with a negative shift the last digits are rounded away, half to even.
  const int64_t shift = w.exponent - w.fraction_digits + kScale;
  const size_t first = w.digits.find_first_not_of("0.");
  if (first == std::string_view::npos) return Decimal{};
  const std::string_view significant = w.digits.substr(first);
  const auto count =
      static_cast<int64_t>(significant.size()) - (significant.find('.') != std::string_view::npos ? 1 : 0);
  const int64_t kept = count + std::min<int64_t>(shift, 0);  // The digits before the rounding place.
  if (kept + std::max<int64_t>(shift, 0) > kDigitsMax) return std::nullopt;
  if (kept < 0) return Decimal{};
  Int units = 0;
  int next = 0;       // the first digit cut off
  bool more = false;  // whether anything but zeros follows it
  int64_t index = 0;
  for (const char c : significant) {
    if (c == '.') continue;
    const int digit = c - '0';
    if (index < kept) units = units * 10 + digit;
    if (index == kept) next = digit;
    if (index > kept && digit != 0) more = true;
    ++index;
  }
  if (next > 5 || (next == 5 && (more || units % 2 != 0))) ++units;
  for (int64_t i = 0; i < shift; ++i) units *= 10;
  if (units > kEnd) return std::nullopt;
  Decimal d;
  d.units_ = w.negative ? -units : units;
  return d;
}

Decimal& Decimal::operator+=(const Decimal& other) {
  // Both are within ±10^37, so their sum does not overflow 128 bits before it is clamped.
  FRESHET_ASSERT(units_ == clamp_to_range(units_) && other.units_ == clamp_to_range(other.units_));
  units_ = clamp_to_range(units_ + other.units_);
  return *this;
}

int64_t Decimal::high() const { return static_cast<int64_t>(units_ >> 64); }
uint64_t Decimal::low() const { return static_cast<uint64_t>(units_); }

// Digits are put from the end, first those of the fraction without the zeros at its end.
std::string Decimal::text() const {
  Unsigned rest = units_ < 0 ? static_cast<Unsigned>(-units_) : static_cast<Unsigned>(units_);
  std::array<char, kDigitsMax + 3> buffer{};
  char* const end = buffer.data() + buffer.size();
  char* out = end;
  const auto put = [&](uint64_t digit) { *--out = static_cast<char>('0' + digit); };
  auto fraction = static_cast<uint64_t>(rest % static_cast<Unsigned>(kUnit));
  rest /= static_cast<Unsigned>(kUnit);
  bool started = false;
  for (int i = 0; i < kScale; ++i, fraction /= 10) {
    started = started || fraction % 10 != 0;
    if (started) put(fraction % 10);
  }
  if (started) *--out = '.';
  do {
    put(static_cast<uint64_t>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (units_ < 0) *--out = '-';
  FRESHET_ASSERT(out >= buffer.data());
  return {out, end};
}

}  // namespace freshet::model
