#include "model/phone.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <string>

#include "model/identifier.h"
#include "model/nobody.h"

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
                           "+12345678901234567", "+91 981;ext=1", "tel:call me", "mail:+91981", "1-800-FLOWERS",
                           "+91\xff"
                           "981",
                           "0000", "n/a"})
    EXPECT_EQ(normal_phone(text, ""), text);
  EXPECT_EQ(normal_phone("12345678901234", "91"), "12345678901234") << "with the code it has too many digits";
}

// Japanese and Arabic keyboards have digits of their own, and pages have numbers as links.
TEST(Phone, DigitsOfAnyScriptAndLinksAreNumbers) {
  for (const char* spelled : {"\uff0b\uff19\uff11 \uff19\uff18\u30fc\uff11", "+\u0669\u0661\u0669\u0668\u0661",
                              "\u06f0\u06f0\u06f9\u06f1\u06f9\u06f8\u06f1", "+\u096f\u0967\u096f\u096e\u0967",
                              "\uff0b91\uff0898\uff09\uff0d1", "tel:+91-98-1", "TEL: +91981", "callto:+91981",
                              "sms:+91981", "whatsapp:+91981", "tel:0091981"})
    EXPECT_EQ(normal_phone(spelled, ""), "+91981") << spelled;
  EXPECT_EQ(normal_phone("\u0660\u0661\u0662", ""), "012");
}

// Of files for spreadsheets, of forms for leads, and of programs that know numbers with fractions only.
TEST(Phone, WhatFilesPutInFrontIsNoPartOfIt) {
  for (const char* spelled : {"'+91981", "' +91 981", "p:+91981", "'0091981"})
    EXPECT_EQ(normal_phone(spelled, ""), "+91981");
  EXPECT_EQ(normal_phone("9.1987654321E+10", ""), "91987654321");
  EXPECT_EQ(normal_phone("9.19876543e10", ""), "9.19876543e10") << "digits are lost";
}

TEST(Phone, AFractionOfATableIsNoDigit) {
  EXPECT_EQ(normal_phone("919876543210.0", ""), "919876543210");
  EXPECT_EQ(normal_phone("9876543210.0", "91"), "+919876543210");
  EXPECT_EQ(normal_phone("98765.43210", ""), "9876543210");
  EXPECT_EQ(normal_phone("020.7946.0", ""), "02079460");
}

TEST(Phone, WhatFormsLeaveIsNoNumber) {
  for (const char* text : {"+91", "+1", "+7", "+971", "0091", "(+91)", "+91 ", "+", "+91-", "91", "1", "( )",
                           "\uff0b\uff18\uff11", "tel:+44"})
    EXPECT_TRUE(is_no_number(text)) << text;
  for (const char* text : {"+911", "+91981", "112", "call me", "+9715", "00911"})
    EXPECT_FALSE(is_no_number(text)) << text;
}

rc::Gen<std::string> number_text() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{
                          "0", "1", "9",      "5", "39",   "91", "+",  " ",    "-",      "(",      ")",     "(0)",
                          "/", ".", "\u00a0", "x", "\xff", "00", ".0", "tel:", "\uff11", "\u0661", "\uff0b"})),
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
