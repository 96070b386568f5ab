#include "model/filter.h"

#include <gtest/gtest.h>

namespace freshet::model {
namespace {

using Rule = v1::ComputedRule;

TEST(Filter, TakesEqualNumbersForEqual) {
  Rule::Filter filter;
  filter.set_test(Rule::EQ);
  v1::Value value;
  for (const bool whole : {true, false}) {
    whole ? filter.mutable_value()->set_integer(5) : filter.mutable_value()->set_number(5);
    EXPECT_TRUE(passes(filter, (value.set_integer(5), value)));
    EXPECT_TRUE(passes(filter, (value.set_number(5), value)));
    EXPECT_TRUE(passes(filter, (value.set_decimal("5.00"), value)));
    EXPECT_FALSE(passes(filter, (value.set_decimal("5.01"), value)));
    EXPECT_FALSE(passes(filter, (value.set_text("5"), value)));
    EXPECT_FALSE(passes(filter, std::nullopt));
  }
}

TEST(Filter, WithoutAValueOnlyTheLackOfOnePasses) {
  Rule::Filter filter;
  for (const auto test : {Rule::EQ, Rule::LT, Rule::LE, Rule::GT, Rule::GE}) {
    filter.set_test(test);
    EXPECT_FALSE(passes(filter, std::nullopt));
  }
  filter.set_test(Rule::NE);
  EXPECT_TRUE(passes(filter, std::nullopt));
  filter.set_test(Rule::EXISTS);
  for (const bool exists : {true, false}) {
    filter.mutable_value()->set_boolean(exists);
    EXPECT_EQ(passes(filter, std::nullopt), !exists);
    EXPECT_EQ(passes(filter, v1::Value()), exists);
  }
}

}  // namespace
}  // namespace freshet::model
