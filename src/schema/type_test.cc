#include "schema/type.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "model/time.h"

namespace freshet::schema {
namespace {

using enum Type;
constexpr std::array<Type, 4> kScalars = {kText, kNumber, kBoolean, kTime};
constexpr std::array<Type, 7> kTypes = {kText, kNumber, kBoolean, kTime, kList, kObject, kUnknown};

rc::Gen<Type> any_type() { return rc::gen::elementOf(std::vector<Type>(kTypes.begin(), kTypes.end())); }

TEST(Type, WhatHoldsBoth) {
  EXPECT_EQ(widened(kNumber, kText), kText);
  EXPECT_EQ(widened(kNumber, kBoolean), kText);
  EXPECT_EQ(widened(kTime, kText), kText);
  EXPECT_EQ(widened(kText, kList), kList);
  EXPECT_EQ(widened(kUnknown, kTime), kTime);
  EXPECT_EQ(widened(kObject, kText), std::nullopt);
  EXPECT_EQ(widened(kList, kObject), std::nullopt);
}

// So nodes that hear of the same types in another order come to the same one.
RC_GTEST_PROP(Type, JoinsInAnyOrderToTheSameType, ()) {
  const Type a = *any_type(), b = *any_type(), c = *any_type();
  RC_ASSERT(widened(a, a) == a);
  RC_ASSERT(widened(a, b) == widened(b, a));
  const auto ab = widened(a, b), bc = widened(b, c);
  if (!ab || !bc) return;
  RC_ASSERT(widened(*ab, c) == widened(a, *bc));
  RC_ASSERT(widened(*ab, a) == ab);
}

TEST(Type, WhatAValueSaysInAnotherType) {
  EXPECT_EQ(coerced(kText, " 12.50 ", kNumber), "12.50") << "digits stay";
  EXPECT_EQ(coerced(kText, "18446744073709551616", kNumber), "18446744073709551616");
  for (const char* no_number : {"", " ", "12a", "0x10", "1,5", "007", "+5", "NaN", "1e999", "true", "12 13"})
    EXPECT_EQ(coerced(kText, no_number, kNumber), std::nullopt) << no_number;
  EXPECT_EQ(coerced(kNumber, "1.10", kText), "1.10");
  EXPECT_EQ(coerced(kBoolean, "true", kText), "true");
  EXPECT_EQ(coerced(kText, "TRUE", kBoolean), "true");
  EXPECT_EQ(coerced(kText, "0", kBoolean), "false");
  EXPECT_EQ(coerced(kNumber, "1", kBoolean), "true");
  EXPECT_EQ(coerced(kNumber, "2", kBoolean), std::nullopt);
  EXPECT_EQ(coerced(kText, "yes", kBoolean), std::nullopt);
  EXPECT_EQ(coerced(kBoolean, "true", kNumber), std::nullopt);
  EXPECT_EQ(coerced(kText, "2026-01-02", kTime), "2026-01-02T00:00:00.000Z");
  EXPECT_EQ(coerced(kText, "1767312000", kTime), std::nullopt) << "seconds of what?";
  EXPECT_EQ(coerced(kNumber, "1767312000", kTime), std::nullopt);
  EXPECT_EQ(coerced(kTime, "2026-01-02T00:00:00.000Z", kText), "2026-01-02T00:00:00.000Z");
}

RC_GTEST_PROP(Type, ACoercedValueIsOneOfItsType, ()) {
  const auto scalar = rc::gen::elementOf(std::vector<Type>(kScalars.begin(), kScalars.end()));
  const Type to = *scalar;
  const std::string text = *rc::gen::oneOf(
      rc::gen::arbitrary<std::string>(),
      rc::gen::map(rc::gen::arbitrary<int64_t>(), [](int64_t n) { return std::to_string(n); }),
      rc::gen::element<std::string>("true", "False", "0", "1", "-1.5e3", "2026-01-02", "2026-01-02T03:04:05+05:30"));
  const auto once = coerced(kText, text, to);
  if (!once) return;
  RC_ASSERT(coerced(to, *once, to) == once);
  RC_ASSERT(coerced(kText, *once, to) == once);
  if (to == kNumber) RC_ASSERT(is_json_number(*once));
  if (to == kTime) RC_ASSERT(model::parse_time(*once).has_value());
  if (to == kBoolean) RC_ASSERT((*once == "true") != (*once == "false"));
}

}  // namespace
}  // namespace freshet::schema
