#include "model/whole_number.h"

#include <gtest/gtest.h>

namespace freshet::model {
namespace {

TEST(WholeNumber, AFractionOfZerosIsNone) {
  EXPECT_EQ(without_zero_fraction("123.0"), "123");
  EXPECT_EQ(without_zero_fraction("123.000"), "123");
  EXPECT_EQ(without_zero_fraction("-5.0"), "-5");
  EXPECT_EQ(without_zero_fraction("0.0"), "0");
  for (const char* text : {"", ".", ".0", "-", "-.0", "1.5", "1.0.0", "a.0", "12", "1.0e3", "1-2.0"})
    EXPECT_EQ(without_zero_fraction(text), text);
}

TEST(WholeNumber, OfATableOneZeroIsNone) {
  EXPECT_EQ(without_point_zero("123.0"), "123");
  for (const char* text : {"123.00", "123.", "v1.0", ".0", "1.0.0"}) EXPECT_EQ(without_point_zero(text), text);
}

TEST(WholeNumber, APowerIsWrittenOut) {
  for (const char* text : {"1.2345678E7", "1.2345678e+07", "1.2345678E+7", "1.23456780E7"})
    EXPECT_EQ(whole_number_of_power(text), "12345678") << text;
  for (const char* text :
       {"", "1e3", "1.25E1", "12.5E3", "0.5E3", "1.5E7", "1.5E15", "1.5E-3", "1.5E", "1.5E+", "1.5E1x", "-1.5E1"})
    EXPECT_EQ(whole_number_of_power(text), std::nullopt) << text;
  EXPECT_TRUE(is_rounded_number("1.23457E+15"));
  EXPECT_TRUE(is_rounded_number("1.5E300"));
  EXPECT_FALSE(is_rounded_number("1.2345678E7"));
}

}  // namespace
}  // namespace freshet::model
