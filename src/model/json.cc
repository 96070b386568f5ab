#include "model/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/number.h"
#include "base/text.h"
#include "model/decimal.h"
#include "model/time.h"

namespace freshet::model {
namespace {

using v1::Value;

void write_double(JsonWriter& json, double number) {
  if (!std::isfinite(number)) return void(json.null());  // JSON has no such number
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  json.raw({text.data(), end});
}

void write_list(JsonWriter& json, const v1::ValueList& list) {
  json.begin_array();
  for (const Value& value : list.values()) write_value(json, value);
  json.end_array();
}

void write_stats(JsonWriter& json, const v1::EventStats& stats) {
  json.begin_object()
      .member("count", stats.count())
      .member("first_at", format_time(stats.first_us()))
      .member("last_at", format_time(stats.last_us()))
      .end_object();
}

// Text that is JSON already.
void write_raw(JsonWriter& json, const std::string& text) { text.empty() ? json.null() : json.raw(text); }

template <class T>
int three_way(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

// Values of one class are compared by size or bytes; integers, doubles and decimals are one class.
int class_of(Value::KindCase kind) {
  switch (kind) {
    case Value::kNumber:
    case Value::kDecimal: return Value::kInteger;
    default: return kind;
  }
}

// An exact number between steps of 10^-9: `floor` in units, and whether there is a rest above it. Doubles beyond the
// range of decimals sit at its ends, with side ±1 (NaN before everything).
struct Exact {
  int side = 0;
  Decimal floor;
  bool rest = false;
  auto operator<=>(const Exact&) const = default;
};

__extension__ typedef __int128 Int;

Decimal decimal_of(Int units) {
  return Decimal::from_words(static_cast<int64_t>(units >> 64), static_cast<uint64_t>(units));
}

Exact exact_of(double number) {
  constexpr double kDecimalEnd = 1e28;
  if (std::isnan(number)) return {-2, {}, false};
  if (number >= kDecimalEnd) return {1, {}, false};
  if (number <= -kDecimalEnd) return {-1, {}, false};
  const double whole = std::floor(number);
  int exponent = 0;
  const double mantissa = std::frexp(number - whole, &exponent);  // of the fraction, in [0.5, 1) or 0
  const Int scaled = static_cast<Int>(std::ldexp(mantissa, 53)) * 1'000'000'000;
  const int shift = 53 - exponent;  // fraction × 10^9 = scaled / 2^shift
  const Int units = shift < 120 ? scaled >> shift : 0;
  const bool rest = shift < 120 ? (units << shift) != scaled : scaled != 0;
  return {0, decimal_of(static_cast<Int>(whole) * 1'000'000'000 + units), rest};
}

Exact exact_of(const Value& value) {
  switch (value.kind_case()) {
    case Value::kInteger: return {0, decimal_of(static_cast<Int>(value.integer()) * 1'000'000'000), false};
    case Value::kNumber: return exact_of(value.number());
    default: {
      if (const auto decimal = Decimal::parse(value.decimal())) return {0, *decimal, false};
      return {value.decimal().starts_with('-') ? -1 : 1, {}, false};
    }
  }
}

// Decimals beyond the range of model::Decimal: only whole numbers are so large, and these have no zeros in front.
int compare_digits(std::string_view a, std::string_view b) {
  const int sign = a.starts_with('-') ? -1 : 1;
  if (a.size() != b.size()) return a.size() < b.size() ? -sign : sign;
  return sign * three_way(a.compare(b), 0);
}

// Compares two doubles; what is equal by size (0 and -0) is told apart too, so that the order is total: a set that
// took the two for one in one order and for two in another would differ from replay to replay.
int compare_doubles(double a, double b) {
  if (a < b) return -1;
  if (a > b) return 1;
  if (std::isnan(a) || std::isnan(b)) return three_way(!std::isnan(a), !std::isnan(b));
  return three_way(!std::signbit(a), !std::signbit(b));
}

// Numbers of different kinds are compared exactly. As doubles, two large integers that differ would be equal.
int compare_numbers(const Value& a, const Value& b) {
  if (a.kind_case() == b.kind_case()) {
    if (a.kind_case() == Value::kInteger) return three_way(a.integer(), b.integer());
    if (a.kind_case() == Value::kNumber) return compare_doubles(a.number(), b.number());
  }
  const Exact exact = exact_of(a);
  const int by_size = three_way(exact, exact_of(b));
  if (by_size != 0) return by_size;
  const int by_kind = three_way<int>(a.kind_case(), b.kind_case());
  if (by_kind != 0) return by_kind;
  return exact.side != 0 ? compare_digits(a.decimal(), b.decimal()) : a.decimal().compare(b.decimal());
}

// By the first element that differs, as words in a dictionary.
int compare_lists(const v1::ValueList& a, const v1::ValueList& b) {
  for (int i = 0; i < a.values_size() && i < b.values_size(); ++i) {
    if (const int c = compare_values(a.values(i), b.values(i)); c != 0) return c;
  }
  return three_way(a.values_size(), b.values_size());
}

// Statistics are never elements of sets; they are compared so that the order of values is total all the same.
int compare_stats(const v1::EventStats& a, const v1::EventStats& b) {
  if (const int c = three_way(a.count(), b.count()); c != 0) return c;
  if (const int c = three_way(a.first_us(), b.first_us()); c != 0) return c;
  return three_way(a.last_us(), b.last_us());
}

}  // namespace

void write_value(JsonWriter& json, const Value& value) {
  switch (value.kind_case()) {
    case Value::kText: json.value(value.text()); return;
    case Value::kInteger: json.value(value.integer()); return;
    case Value::kNumber: write_double(json, value.number()); return;
    case Value::kBoolean: json.value(value.boolean()); return;
    case Value::kTimeUs: json.value(format_time(value.time_us())); return;
    case Value::kJson: write_raw(json, value.json()); return;
    case Value::kList: write_list(json, value.list()); return;
    case Value::kDecimal: write_raw(json, value.decimal()); return;
    case Value::kStats: write_stats(json, value.stats()); return;
    case Value::KIND_NOT_SET: break;
  }
  json.null();
}

// "-00123" as "-123"; "" if the text is no whole number.
std::string whole_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return {};
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  return (negative ? "-" : "") + std::string(text);
}

void set_number(Value& value, std::string_view text, double number) {
  if (const auto integer = to_number<int64_t>(text)) return value.set_integer(*integer);
  // What is beyond 64 bits is a decimal. As doubles, two parcels would have one number.
  std::string digits = text.size() <= kWholeDigitsMax ? whole_number(text) : std::string();
  digits.empty() ? value.set_number(number) : value.set_decimal(std::move(digits));
}

void append_json_value(std::string& out, const Value& value) {
  JsonWriter json(out);
  write_value(json, value);
}

int compare_values(const Value& a, const Value& b) {
  const int kind = class_of(a.kind_case());
  if (const int c = three_way(kind, class_of(b.kind_case())); c != 0) return c;
  switch (kind) {
    case Value::kText: return three_way(a.text().compare(b.text()), 0);
    case Value::kInteger: return compare_numbers(a, b);
    case Value::kBoolean: return three_way(a.boolean(), b.boolean());
    case Value::kTimeUs: return three_way(a.time_us(), b.time_us());
    case Value::kJson: return three_way(a.json().compare(b.json()), 0);
    case Value::kList: return compare_lists(a.list(), b.list());
    case Value::kStats: return compare_stats(a.stats(), b.stats());
    default: return 0;  // two values that are not set
  }
}

}  // namespace freshet::model
