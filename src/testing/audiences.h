// For tests: audiences as a configuration makes them.
#pragma once

#include <string>

#include "freshet/v1/envelope.pb.h"

namespace freshet::testing {

// An audience of who passes this test; of one that is there, another test.
inline void add_audience(v1::TenantRules& rules, const std::string& name, const std::string& tested,
                         v1::ComputedRule::Test test, const v1::Value& value) {
  v1::AudienceRule* rule = nullptr;
  for (v1::AudienceRule& known : *rules.mutable_audiences())
    if (known.name() == name) rule = &known;
  if (rule == nullptr) rule = rules.add_audiences();
  rule->set_name(name);
  v1::ComputedRule::Filter& filter = *rule->add_where();
  filter.set_property(tested);
  filter.set_test(test);
  *filter.mutable_value() = value;
}

inline void add_audience(v1::TenantRules& rules, const std::string& name, const std::string& tested,
                         v1::ComputedRule::Test test, const std::string& text) {
  v1::Value value;
  value.set_text(text);
  add_audience(rules, name, tested, test, value);
}

inline void add_audience(v1::TenantRules& rules, const std::string& name, const std::string& tested,
                         v1::ComputedRule::Test test, int64_t number) {
  v1::Value value;
  value.set_integer(number);
  add_audience(rules, name, tested, test, value);
}

}  // namespace freshet::testing
