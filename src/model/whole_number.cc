#include "model/whole_number.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace freshet::model {
namespace {

std::string_view take_digits(std::string_view& text) {
  const size_t end = static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  const std::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

bool take_one_of(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// "1.25E+7", as it is written.
struct Powered {
  std::string_view first, fraction;
  size_t power = 0;
};

std::optional<Powered> read_powered(std::string_view text) {
  Powered out;
  out.first = take_digits(text);
  const bool has_point = take_one_of(text, ".");
  if (has_point) out.fraction = take_digits(text);
  if (out.first.size() != 1 || !take_one_of(text, "eE")) return std::nullopt;
  const bool has_sign = take_one_of(text, "+");
  const std::string_view power = take_digits(text);
  if (!text.empty() || power.empty() || power.size() > 3 || !(has_point || has_sign)) return std::nullopt;
  (void)std::from_chars(power.data(), power.data() + power.size(), out.power);
  return out;
}

}  // namespace

std::string_view without_zero_fraction(std::string_view text) {
  const size_t point = text.find('.');
  if (point == std::string_view::npos) return text;
  const std::string_view whole = text.substr(0, point);
  const std::string_view digits = whole.substr(whole.starts_with('-') ? 1 : 0);
  const bool is_whole = !digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit);
  return is_whole && text.find_first_not_of('0', point + 1) == std::string_view::npos ? whole : text;
}

std::string_view without_point_zero(std::string_view text) {
  const std::string_view whole = without_zero_fraction(text);
  return text.substr(whole.size()) == ".0" ? whole : text;
}

bool is_rounded_number(std::string_view text) {
  const auto number = read_powered(text);
  return number && number->power > number->fraction.size();
}

std::optional<std::string> whole_number_of_power(std::string_view text) {
  const auto number = read_powered(text);
  if (!number || number->first == "0" || number->power > number->fraction.size()) return std::nullopt;
  const auto [first, fraction, power] = *number;
  if (fraction.find_first_not_of('0', power) != std::string_view::npos) return std::nullopt;
  return std::string(first).append(fraction.substr(0, power));
}

}  // namespace freshet::model
