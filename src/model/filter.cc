#include "model/filter.h"

#include <charconv>
#include <cmath>

#include "model/json.h"

namespace freshet::model {
namespace {

constexpr std::string_view kComputed = "computed.";
constexpr double kWholeMax = 9'007'199'254'740'992;  // up to which a double is every whole number

// 5, 5.0 and the exact decimal 5 are one number to whoever tests it.
v1::Value plain(const v1::Value& value) {
  v1::Value out = value;
  double number = value.number();
  if (value.kind_case() == v1::Value::kDecimal) {
    const std::string& text = value.decimal();
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return out;
    out.set_number(number);
  }
  if (out.kind_case() == v1::Value::kNumber && std::floor(number) == number && std::abs(number) < kWholeMax)
    out.set_integer(static_cast<int64_t>(number));
  return out;
}

}  // namespace

bool passes_by_order(v1::ComputedRule::Test test, int order) {
  using Rule = v1::ComputedRule;
  switch (test) {
    case Rule::EQ: return order == 0;
    case Rule::NE: return order != 0;
    case Rule::LT: return order < 0;
    case Rule::LE: return order <= 0;
    case Rule::GT: return order > 0;
    case Rule::GE: return order >= 0;
    default: return false;
  }
}

bool passes(const v1::ComputedRule::Filter& filter, const std::optional<v1::Value>& value) {
  using Rule = v1::ComputedRule;
  if (filter.test() == Rule::EXISTS) return value.has_value() == filter.value().boolean();
  if (!value) return filter.test() == Rule::NE;
  return passes_by_order(filter.test(), compare_values(plain(*value), plain(filter.value())));
}

std::pair<v1::Section, std::string_view> part_named(std::string_view name) {
  if (name.starts_with(kComputed)) return {v1::COMPUTED, name.substr(kComputed.size())};
  return {v1::ATTRIBUTES, name};
}

}  // namespace freshet::model
