#include "model/phone.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>

#include "model/identifier.h"

namespace freshet::model {
namespace {

TEST(Phone, WhatPeopleWriteBetweenTheDigitsIsNoPartOfIt) {
  for (const char* spelled : {"+91981", "+91 98-1", " +91\u00a098.1 ", "0091981", "00 91 (98) 1", "+91/98\u20131",
                              "+91\u200b981", "\u202a+91 981\u202c", "+91 (0)981", "0091 (0) 981"}) {
    EXPECT_EQ(normal_phone(spelled, ""), "+91981") << spelled;
    EXPECT_EQ(normal_phone(spelled, "44"), "+91981") << spelled << ": it says its country";
  }
  EXPECT_EQ(normal_phone("098-1", ""), "0981") << "nobody says of which country it is";
  EXPECT_EQ(normal_phone("(555) 010-0199", ""), "5550100199");
}

TEST(Phone, OneWithoutACodeIsOfTheDefaultCountry) {
  EXPECT_EQ(normal_phone("0981", "91"), "+91981");
  EXPECT_EQ(normal_phone("981", "91"), "+91981");
  EXPECT_EQ(normal_phone("98765 43210", "91"), "+919876543210");
  EXPECT_EQ(normal_phone("91 98765 43210", "91"), "+919876543210") << "its code stands there without +";
  EXPECT_EQ(normal_phone("91234 56789", "91"), "+919123456789") << "a number may begin like the code";
  EXPECT_EQ(normal_phone("1 212 555 0100", "1"), "+12125550100");
  EXPECT_EQ(normal_phone("06 698 1234", "39"), "+39066981234") << "in Italy the 0 is a part of it";
  EXPECT_EQ(normal_phone("+39 (0)6 698 1234", ""), "+39066981234");
}

TEST(Phone, WhatIsNoNumberStaysAsItIs) {
  for (const char* text : {"", "-1", "12", "+0 981", "+", "++91981", "91+981", "+91 98 ext. 1", "call me",
                           "+12345678901234567", "\u0660\u0661\u0662",
                           "+91\xff"
                           "981",
                           "0000", "n/a"})
    EXPECT_EQ(normal_phone(text, ""), text);
  EXPECT_EQ(normal_phone("12345678901234", "91"), "12345678901234") << "with the code it has too many digits";
}

rc::Gen<std::string> number_text() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{
          "0", "1", "9", "5", "39", "91", "+", " ", "-", "(", ")", "(0)", "/", ".", "\u00a0", "x", "\xff", "00"})),
      [](const std::vector<std::string>& parts) {
        std::string text;
        for (const std::string& part : parts) text += part;
        return text;
      });
}

RC_GTEST_PROP(Phone, TwiceIsOnce, ()) {
  const std::string text = *number_text();
  for (const char* country : {"", "91", "1", "39"}) {
    const std::string once = normal_phone(text, country);
    RC_ASSERT(normal_phone(once, country) == once);
  }
}

// In whatever way two international numbers are written, and whatever the default country is.
RC_GTEST_PROP(Phone, TwoNumbersNeverBecomeOne, ()) {
  const auto number =
      rc::gen::map(rc::gen::container<std::string>(9, rc::gen::inRange('0', static_cast<char>('9' + 1))),
                   [](const std::string& rest) { return "1234567899"[static_cast<size_t>(rest[0] - '0')] + rest; });
  const auto spelled = [](const std::string& digits) {
    const bool zeros = *rc::gen::arbitrary<bool>();
    std::string text = zeros ? "00" : "+";
    for (const char c : digits)
      text.append(*rc::gen::elementOf(std::vector<std::string>{"", "", " ", "-", ".", "\u00a0", "/"})) += c;
    return text;
  };
  const std::string one = *number, other = *number;
  const std::string country = *rc::gen::elementOf(std::vector<std::string>{"", "91", "39"});
  RC_ASSERT(normal_phone(spelled(one), country) == "+" + one);
  RC_ASSERT((normal_phone(spelled(one), country) == normal_phone(spelled(other), country)) == (one == other));
}

TEST(Phone, ATenantSaysWhichSpellingItHas) {
  Tenant tenant = default_tenant("acme");
  EXPECT_EQ(normalize_identifier(tenant, "phone", " +91 98-1 "), "+91981");
  EXPECT_EQ(other_spelling(tenant, "phone", " +91 98-1 "), "+91 98-1");
  EXPECT_EQ(other_spelling(tenant, "phone", " +91981"), std::nullopt);
  EXPECT_EQ(normalize_identifier(tenant, "user_id", "+91 98-1"), "+91 98-1");
  EXPECT_EQ(other_spelling(tenant, "user_id", "+91 98-1"), std::nullopt);
  tenant.phones.spelling = PhoneSpelling::kAsSent;
  EXPECT_EQ(normalize_identifier(tenant, "phone", " +91 98-1 "), "+91 98-1");
  EXPECT_EQ(other_spelling(tenant, "phone", "+91 98-1"), std::nullopt);
}

}  // namespace
}  // namespace freshet::model
