#include "model/filter.h"

#include "model/json.h"

namespace freshet::model {

bool passes(const v1::ComputedRule::Filter& filter, const std::optional<v1::Value>& value) {
  using Rule = v1::ComputedRule;
  if (filter.test() == Rule::EXISTS) return value.has_value() == filter.value().boolean();
  if (!value) return filter.test() == Rule::NE;
  const int order = compare_values(*value, filter.value());
  switch (filter.test()) {
    case Rule::EQ: return order == 0;
    case Rule::NE: return order != 0;
    case Rule::LT: return order < 0;
    case Rule::LE: return order <= 0;
    case Rule::GT: return order > 0;
    case Rule::GE: return order >= 0;
    default: return false;
  }
}

}  // namespace freshet::model
