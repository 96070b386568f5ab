#include "model/json.h"

#include <array>
#include <charconv>
#include <cmath>

#include "model/decimal.h"
#include "model/time.h"

namespace freshet::model {
namespace {

using v1::Value;

// What stands after the backslash; 'u': \u00XX; 0: nothing to escape.
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> table{};
  for (size_t c = 0; c < 0x20; ++c) table[c] = 'u';
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}
constexpr auto kEscapes = make_escapes();

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  out.append(text.data(), end);
}

void append_list(std::string& out, const v1::ValueList& list) {
  out += '[';
  for (int i = 0; i < list.values_size(); ++i) {
    if (i > 0) out += ',';
    append_json_value(out, list.values(i));
  }
  out += ']';
}

void append_stats(std::string& out, const v1::EventStats& stats) {
  out += "{\"count\":";
  append_number(out, stats.count());
  out += ",\"first_at\":\"";
  out += format_time(stats.first_us());
  out += "\",\"last_at\":\"";
  out += format_time(stats.last_us());
  out += "\"}";
}

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
    default: return {0, Decimal::parse(value.decimal()).value_or(Decimal{}), false};
  }
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
  const int by_size = three_way(exact_of(a), exact_of(b));
  if (by_size != 0) return by_size;
  const int by_kind = three_way<int>(a.kind_case(), b.kind_case());
  return by_kind != 0 ? by_kind : a.decimal().compare(b.decimal());
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

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  size_t run = 0;  // start of what needs no escape
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const char escape = kEscapes[c];
    if (escape == 0) [[likely]]
      continue;
    out.append(text, run, i - run);
    run = i + 1;
    out += '\\';
    out += escape;
    if (escape == 'u') {
      out += "00";
      out += static_cast<char>('0' + (c >> 4));
      out += "0123456789abcdef"[c & 15];
    }
  }
  out.append(text, run);
  out += '"';
}

void append_json_value(std::string& out, const Value& value) {
  switch (value.kind_case()) {
    case Value::kText: append_json_string(out, value.text()); return;
    case Value::kInteger: append_number(out, value.integer()); return;
    case Value::kNumber:
      if (!std::isfinite(value.number())) break;  // JSON has no such number
      append_number(out, value.number());
      return;
    case Value::kBoolean: out += value.boolean() ? "true" : "false"; return;
    case Value::kTimeUs:
      out += '"';
      out += format_time(value.time_us());
      out += '"';
      return;
    case Value::kJson: out += value.json().empty() ? "null" : value.json(); return;
    case Value::kList: append_list(out, value.list()); return;
    case Value::kDecimal: out += value.decimal().empty() ? "null" : value.decimal(); return;
    case Value::kStats: append_stats(out, value.stats()); return;
    case Value::KIND_NOT_SET: break;
  }
  out += "null";
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
