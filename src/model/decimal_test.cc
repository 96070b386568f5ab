#include "model/decimal.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace freshet::model {
namespace {

std::string shown(std::string_view text) {
  const auto d = Decimal::parse(text);
  return d ? d->text() : "none";
}

// Within a thousandth of the range, so that sums of three do not saturate.
Decimal any_decimal() {
  return Decimal::from_words(*rc::gen::inRange<int64_t>(-(int64_t{1} << 50), int64_t{1} << 50),
                             *rc::gen::arbitrary<uint64_t>());
}

TEST(Decimal, ReadsAndWrites) {
  EXPECT_EQ(shown("0"), "0");
  EXPECT_EQ(shown("-0.0"), "0");
  EXPECT_EQ(shown("12.50"), "12.5");
  EXPECT_EQ(shown("-12.50"), "-12.5");
  EXPECT_EQ(shown("+3"), "3");
  EXPECT_EQ(shown("1e3"), "1000");
  EXPECT_EQ(shown("1.5E-3"), "0.0015");
  EXPECT_EQ(shown("0.00000000000000000001e20"), "1");
  EXPECT_EQ(shown("-0.000000001"), "-0.000000001");
  EXPECT_EQ(shown("10000000000000000000000000000"), "10000000000000000000000000000");
  EXPECT_EQ(shown("1e28"), "10000000000000000000000000000");
  EXPECT_EQ(shown("0e999999999999999999999"), "0");
  EXPECT_EQ(shown("7e-999999999999999999999"), "0");
  EXPECT_EQ(shown(std::string(500, '0') + "1"), "1");
}

TEST(Decimal, RoundsHalfToEven) {
  EXPECT_EQ(shown("0.0000000005"), "0");
  EXPECT_EQ(shown("0.0000000015"), "0.000000002");
  EXPECT_EQ(shown("0.0000000025"), "0.000000002");
  EXPECT_EQ(shown("0.00000000250000000001"), "0.000000003");
  EXPECT_EQ(shown("-0.0000000006"), "-0.000000001");
  EXPECT_EQ(shown("0.00000000006"), "0");
}

TEST(Decimal, RefusesTheRest) {
  for (const char* text :
       {"", "-", ".", "e5", "1e", "1e+", "1.2.3", "1,5", " 1", "1 ", "0x1", "nan", "inf", "--1", "1e28.5", "1e29",
        "10000000000000000000000000000.000000001", "123456789012345678901234567890", "1e999999999999999999"}) {
    EXPECT_EQ(shown(text), "none") << text;
  }
}

TEST(Decimal, Saturates) {
  Decimal d = *Decimal::parse("9e27");
  d += d;
  EXPECT_EQ(d.text(), "10000000000000000000000000000");
  Decimal e = *Decimal::parse("-9e27");
  e += e;
  EXPECT_EQ(e.text(), "-10000000000000000000000000000");
}

TEST(Decimal, TenthsAddExactly) {
  Decimal sum;
  for (int i = 0; i < 1000; ++i) sum += *Decimal::parse("0.1");
  EXPECT_EQ(sum.text(), "100");
}

RC_GTEST_PROP(DecimalProperty, AddsInAnyOrder, ()) {
  const Decimal a = any_decimal();
  const Decimal b = any_decimal();
  const Decimal c = any_decimal();
  RC_ASSERT((Decimal(a) += b) == (Decimal(b) += a));
  RC_ASSERT(((Decimal(a) += b) += c) == (Decimal(a) += (Decimal(b) += c)));
}

RC_GTEST_PROP(DecimalProperty, AddsAsIntegersDo, (int32_t a, int32_t b)) {
  const auto sum = static_cast<int64_t>(a) + b;
  RC_ASSERT((*Decimal::parse(std::to_string(a)) += *Decimal::parse(std::to_string(b))).text() == std::to_string(sum));
}

RC_GTEST_PROP(DecimalProperty, TextAndWordsReadBack, ()) {
  const Decimal d = any_decimal();
  RC_ASSERT(Decimal::parse(d.text()) == d);
  RC_ASSERT(Decimal::from_words(d.high(), d.low()) == d);
}

RC_GTEST_PROP(DecimalProperty, OrderIsThatOfAddition, ()) {
  const Decimal a = any_decimal();
  const Decimal b = any_decimal();
  RC_ASSERT(((Decimal(a) += b) < a) == (b < Decimal{}));
}

}  // namespace
}  // namespace freshet::model
