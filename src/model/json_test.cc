#include "model/json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace freshet::model {
namespace {

using v1::Value;

std::string json_of(const Value& value) {
  std::string out;
  append_json_value(out, value);
  return out;
}

Value number(double d) {
  Value v;
  v.set_number(d);
  return v;
}

Value integer(int64_t i) {
  Value v;
  v.set_integer(i);
  return v;
}

Value decimal(const std::string& text) {
  Value v;
  v.set_decimal(text);
  return v;
}

TEST(JsonValue, WholeNumbersKeepTheirDigits) {
  const auto read = [](const std::string& text) {
    Value v;
    set_number(v, text, std::stod(text));
    return v;
  };
  for (const std::string& text :
       std::vector<std::string>{"0", "-7", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
                                "18446744073709551615", "-99999999999999999999", "1" + std::string(99, '0')})
    EXPECT_EQ(json_of(read(text)), text);
  EXPECT_EQ(read("9223372036854775807").kind_case(), Value::kInteger);
  EXPECT_EQ(read("9223372036854775808").kind_case(), Value::kDecimal);
  EXPECT_EQ(read("1.5").kind_case(), Value::kNumber);
  EXPECT_EQ(read("1e20").kind_case(), Value::kNumber);
  EXPECT_EQ(read("1" + std::string(100, '0')).kind_case(), Value::kNumber) << "nobody writes such an id";
  EXPECT_EQ(json_of(read("007")), "7");
  EXPECT_EQ(json_of(read("-00018446744073709551615")), "-18446744073709551615");
  EXPECT_EQ(json_of(read("000")), "0");
}

TEST(JsonValue, EveryKind) {
  Value v;
  EXPECT_EQ(json_of(v), "null");
  v.set_text("x");
  EXPECT_EQ(json_of(v), "\"x\"");
  EXPECT_EQ(json_of(integer(std::numeric_limits<int64_t>::min())), "-9223372036854775808");
  EXPECT_EQ(json_of(number(0.1)), "0.1");
  EXPECT_EQ(json_of(number(12)), "12");
  EXPECT_EQ(json_of(number(1e300)), "1e+300");
  EXPECT_EQ(json_of(number(std::nan(""))), "null");
  v.set_boolean(true);
  EXPECT_EQ(json_of(v), "true");
  v.set_time_us(1'767'323'045'678'000);
  EXPECT_EQ(json_of(v), "\"2026-01-02T03:04:05.678Z\"");
  v.set_json(R"({"a":[1]})");
  EXPECT_EQ(json_of(v), R"({"a":[1]})");
  EXPECT_EQ(json_of(decimal("12.5")), "12.5");
  Value list;
  EXPECT_EQ((list.mutable_list(), json_of(list)), "[]");
  *list.mutable_list()->add_values() = v;
  *list.mutable_list()->add_values() = integer(3);
  EXPECT_EQ(json_of(list), R"([{"a":[1]},3])");
  v.mutable_stats()->set_count(2);
  EXPECT_EQ(json_of(v), R"({"count":2,"first_at":"1970-01-01T00:00:00.000Z","last_at":"1970-01-01T00:00:00.000Z"})");
}

RC_GTEST_PROP(JsonProperty, NumbersReadBack, (uint64_t bits)) {
  double d = 0;
  std::memcpy(&d, &bits, sizeof d);
  RC_PRE(std::isfinite(d));
  const std::string json = json_of(number(d));
  RC_ASSERT(std::strtod(json.c_str(), nullptr) == d);
}

Value any_value(int depth = 0) {
  Value v;
  switch (*rc::gen::inRange(0, depth < 2 ? 10 : 9)) {
    case 0: v.set_text(std::string(*rc::gen::inRange<size_t>(0, 3), *rc::gen::inRange('a', 'c'))); break;
    case 1: v.set_integer(*rc::gen::element<int64_t>(-1, 0, 1, 2, INT64_MAX, INT64_MIN, (int64_t{1} << 53) + 1)); break;
    case 2:
      v.set_number(*rc::gen::element(-0.0, 0.0, 1.0, 0.5, 0.1, 9007199254740992.0, 1e28, -1e300, 9223372036854775808.0,
                                     1e-300, std::nan("")));
      break;
    case 3: v.set_boolean(*rc::gen::arbitrary<bool>()); break;
    case 4: v.set_time_us(*rc::gen::inRange(0, 3)); break;
    case 5: v.set_json(*rc::gen::element<std::string>("{}", "{\"a\":1}")); break;
    case 6:
      v.set_decimal(*rc::gen::element<std::string>("0", "0.1", "0.5", "1", "1.0", "9223372036854775807.5",
                                                   "10000000000000000000000000000", "bad"));
      break;
    case 7: v.mutable_stats()->set_count(*rc::gen::inRange<uint64_t>(0, 2)); break;
    case 8: break;
    default:
      v.mutable_list();
      for (int i = *rc::gen::inRange(0, 3); i > 0; --i) *v.mutable_list()->add_values() = any_value(depth + 1);
  }
  return v;
}

int sign(int n) { return n < 0 ? -1 : n > 0 ? 1 : 0; }

RC_GTEST_PROP(CompareProperty, IsATotalOrder, ()) {
  const Value a = any_value();
  const Value b = any_value();
  const Value c = any_value();
  RC_ASSERT(compare_values(a, a) == 0);
  RC_ASSERT(sign(compare_values(a, b)) == -sign(compare_values(b, a)));
  if (compare_values(a, b) <= 0 && compare_values(b, c) <= 0) RC_ASSERT(compare_values(a, c) <= 0);
  RC_ASSERT((compare_values(a, b) == 0) == (a.SerializeAsString() == b.SerializeAsString()));
}

TEST(CompareValues, NumbersBySize) {
  EXPECT_LT(compare_values(number(0.5), integer(1)), 0);
  EXPECT_LT(compare_values(decimal("0.1"), number(0.1)), 0);  // the double is 0.1000000000000000055…
  EXPECT_GT(compare_values(integer((int64_t{1} << 53) + 1), number(9007199254740992.0)), 0);
  EXPECT_LT(compare_values(integer(INT64_MAX), number(9223372036854775808.0)), 0);
  EXPECT_LT(compare_values(decimal("10000000000000000000000000000"), number(1e29)), 0);
  EXPECT_LT(compare_values(number(-0.25), decimal("-0.2")), 0);
  Value text;
  text.set_text("");
  EXPECT_LT(compare_values(text, integer(-5)), 0);
}

}  // namespace
}  // namespace freshet::model
