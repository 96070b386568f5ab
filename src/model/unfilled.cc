#include "model/unfilled.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace freshet::model {
namespace {

struct Brackets {
  std::string_view open, close;
  bool any_content;  // else a name without digits
};
constexpr std::array<Brackets, 12> kTemplates = {{{"{{", "}}", true},
                                                  {"${", "}", true},
                                                  {"#{", "}", true},
                                                  {"<%", "%>", true},
                                                  {"[[", "]]", true},
                                                  {"*|", "|*", true},
                                                  {"%%", "%%", true},
                                                  {"__", "__", false},
                                                  {"{", "}", false},
                                                  {"[", "]", false},
                                                  {"<", ">", false},
                                                  {"%", "%", false}}};

constexpr std::array<std::string_view, 9> kLost = {"#n/a",   "#ref!", "#name?",  "#value!", "#div/0!",
                                                   "#null!", "#num!", "#error!", "\\n"};

bool is_plain_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (is_name_char(c) && !is_digit(c)) || std::string_view(".-~+$!() ").find(c) != std::string_view::npos;
  });
}

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

// "9.19877E+11": the power is larger than the digits behind the point, so some were lost. A point or a sign must be
// there, or it is a text of digits and an e ("1e10"), which somebody's id may be.
bool is_rounded_number(std::string_view text) {
  if (take_digits(text).size() != 1) return false;
  const bool has_point = take_one_of(text, ".");
  const std::string_view fraction = has_point ? take_digits(text) : std::string_view();
  if (!take_one_of(text, "eE")) return false;
  const bool has_sign = take_one_of(text, "+");
  const std::string_view power = take_digits(text);
  size_t value = 0;
  if (!text.empty() || power.size() > 3 || !(has_point || has_sign)) return false;
  const auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), value);
  return error == std::errc() && value > fraction.size();
}

}  // namespace

bool is_unfilled_template(std::string_view text) {
  return std::any_of(kTemplates.begin(), kTemplates.end(), [text](const Brackets& b) {
    if (text.size() <= b.open.size() + b.close.size() || !text.starts_with(b.open) || !text.ends_with(b.close))
      return false;
    return b.any_content || is_plain_name(text.substr(b.open.size(), text.size() - b.open.size() - b.close.size()));
  });
}

bool is_lost_value(std::string_view text) {
  const std::string low = freshet::lower_case(text.substr(0, 9));
  return std::find(kLost.begin(), kLost.end(), low) != kLost.end() || is_rounded_number(text);
}

}  // namespace freshet::model
