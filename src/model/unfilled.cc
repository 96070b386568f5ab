#include "model/unfilled.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "model/whole_number.h"

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
