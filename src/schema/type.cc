// The table of docs/operations/schema.md, as code.

#include "schema/type.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "base/number.h"
#include "base/text.h"
#include "model/time.h"

namespace freshet::schema {
namespace {

std::optional<std::string> as_boolean(Type came, std::string_view text) {
  std::string low(trim(text));
  std::transform(low.begin(), low.end(), low.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  if (low == "1" || (came == Type::kText && low == "true")) return "true";
  if (low == "0" || (came == Type::kText && low == "false")) return "false";
  return std::nullopt;
}

}  // namespace

std::optional<Type> widened(Type a, Type b) {
  if (a == b || b == Type::kUnknown) return a;
  if (a == Type::kUnknown) return b;
  if (is_scalar(a) && is_scalar(b)) return Type::kText;
  const bool list_of_one = (a == Type::kList && is_scalar(b)) || (is_scalar(a) && b == Type::kList);
  return list_of_one ? std::optional(Type::kList) : std::nullopt;
}

// Blanks around a number, a boolean or a time are never meant; those of a text may be.
std::optional<std::string> coerced(Type came, std::string_view text, Type to) {
  FRESHET_ASSERT(is_scalar(came) && is_scalar(to));
  if (came == to || to == Type::kText) return std::string(text);
  if (to == Type::kBoolean) return as_boolean(came, text);
  // Of a boolean or a time nobody can say which number was meant, and a number as a time may be seconds of anything.
  if (came != Type::kText) return std::nullopt;
  const std::string_view bare = trim(text);
  if (to == Type::kNumber) return is_json_number(bare) ? std::optional(std::string(bare)) : std::nullopt;
  // The digits of an epoch are a number that was sent as a text, and which unit it has is a guess.
  if (is_json_number(bare)) return std::nullopt;
  const std::optional<model::TimeUs> time = model::parse_time(bare);
  return time ? std::optional(model::format_time(*time)) : std::nullopt;
}

// -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
bool is_json_number(std::string_view text) {
  size_t i = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const size_t begin = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - begin;
  };
  const bool leading_zero = i < text.size() && text[i] == '0';
  const size_t whole = digits();
  if (whole == 0 || (leading_zero && whole > 1)) return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  const auto number = i == text.size() ? to_number<double>(text) : std::nullopt;
  return number && std::isfinite(*number);
}

}  // namespace freshet::schema
