#include "model/identifier.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "base/text.h"
#include "model/entity_ref.h"
#include "model/nobody.h"
#include "model/spellings.h"
#include "testing/identifier.h"

namespace freshet::model {
namespace {

using testing::make;

// IDENTITY case 1 and 2: what senders put where there is nobody.
TEST(IdentifierTest, BlocksWhatMeansNobody) {
  const Tenant tenant = default_tenant("t");
  for (const char* value : {"",
                            "null",
                            "NULL",
                            " undefined ",
                            "\"null\"",
                            "'none'",
                            "nil",
                            "0",
                            "-1",
                            "NaN",
                            "True",
                            "false",
                            "Anonymous",
                            "guest",
                            "UNKNOWN",
                            "[object Object]",
                            "00000000-0000-0000-0000-000000000000",
                            "0000",
                            "\"\"",
                            "  ",
                            "' \"null\" '",
                            "000000000000000000000000"})
    EXPECT_TRUE(is_blocked_identifier(value, tenant.rules)) << value;
  for (const char* value : {"u1", "10", "null@example.com", "nobody", "0a", "100000", "-12"})
    EXPECT_FALSE(is_blocked_identifier(value, tenant.rules)) << value;
}

// What front ends, links of networks and spreadsheets leave where they have no value: thousands share each.
TEST(IdentifierTest, BlocksWhatStandsForAMissingValue) {
  const Tenant tenant = default_tenant("t");
  for (const char* value : {"{{user.id}}",
                            "{{ customer.id | default: '' }}",
                            "${user.id}",
                            "<%= user.id %>",
                            "*|EMAIL|*",
                            "[[user_id]]",
                            "%%USER_ID%%",
                            "#{user.id}",
                            "__IDFA__",
                            "{idfa}",
                            "[IDFV]",
                            "%ADVERTISING_ID%",
                            "<user_id>",
                            "\"{{id}}\"",
                            "#N/A",
                            "#REF!",
                            "#Name?",
                            "#DIV/0!",
                            "\\N",
                            "9.19877E+11",
                            "1.23457e+15",
                            "9.2E11",
                            "2E+10",
                            "-",
                            "--",
                            "?",
                            "(not set)",
                            "(None)",
                            "%!s(<nil>)",
                            "02:00:00:00:00:00",
                            "9774D56D682E549C"})
    EXPECT_TRUE(is_blocked_identifier(value, tenant.rules)) << value;
  for (const char* value :
       {"{6f9619ff-8b86-d011-b42d-00cf4fc964ff}", "1e10", "2E10", "9.19876543216E+11", "1.5", "12E+34", "__x", "a{{b}}",
        "#1", "#n/a-7", "<a@b.example>", "[4711]", "%41%", "a-", "\u00fc", "C++", "..", "_", "(-)"})
    EXPECT_FALSE(is_blocked_identifier(value, tenant.rules)) << value;
}

TEST(IdentifierTest, BlocksTextsOfWhatIsEmptyAndNamesOfFields) {
  const Tenant tenant = default_tenant("t");
  for (const char* value :
       {"FFFFFFFF-ffff-ffff-ffff-ffffffffffff", "0x0000000000000000000000000000000000000000", "{}", "[]", "(empty)",
        "Optional(nil)", "Invalid Date", "%s", "****", "not_authenticated", "user_id", "ID", "email"})
    EXPECT_TRUE(is_blocked_identifier(value, tenant.rules)) << value;
  for (const char* value :
       {"*", "0x01", "Optional(u1)", "ffffffff-ffff-ffff-ffff-fffffffffffe", "email@b.example", "identity", "{1}"})
    EXPECT_FALSE(is_blocked_identifier(value, tenant.rules)) << value;
}

TEST(IdentifierTest, BlocksTheTenantsOwnValues) {
  Tenant tenant = default_tenant("t");
  tenant.rules.add_blocked_values("test-user-of-the-shop-number-one");
  EXPECT_TRUE(is_blocked_identifier("Test-User-Of-The-Shop-Number-One", tenant.rules));
}

TEST(IdentifierTest, NormalizesBlanksAndTheCaseOfEmails) {
  EXPECT_EQ(normalize_identifier("email", " A@B.C "), "a@b.c");
  EXPECT_EQ(normalize_identifier("user_id", " U1 "), "U1");
}

// Headers of mails, links, sentences and code have something around an address.
TEST(IdentifierTest, TakesAddressesOutOfTheirFrame) {
  for (const char* framed : {"Ann Lee <Ann@one.example>", "<ann@one.example>", "\"Lee, Ann\" <ann@one.example>",
                             "\"ann@one.example\"", "'ann@one.example'", "ann@one.example.", "ann@one.example;",
                             "ann@one.example ,", "mailto:ann@one.example?subject=Hi", "<mailto:ann@one.example>",
                             "ann\uff20one.example", "\uff21nn@one\uff0eexample", "ann@one\u3002example"})
    EXPECT_EQ(normalize_identifier("email", framed), "ann@one.example") << framed;
  for (const char* text : {"ann", "<ann>", "a.", "\"a b\"@one.example", "ann lee <ann@one.example> x", ">", "<>", "'"})
    EXPECT_EQ(normalize_identifier("email", text), text);
}

TEST(IdentifierTest, NamesOfHostsAreReadable) {
  EXPECT_EQ(normalize_identifier("email", "ann@xn--mller-kva.example"), "ann@m\u00fcller.example");
  EXPECT_EQ(normalize_identifier("email", "ann@MAIL.XN--MLLER-KVA.Example"), "ann@mail.m\u00fcller.example");
  EXPECT_EQ(normalize_identifier("email", "ann@xn--fsqu00a.xn--0zwm56d"), "ann@\u4f8b\u5b50.\u6d4b\u8bd5");
  EXPECT_EQ(normalize_identifier("email", "xn--mller-kva@one.example"), "xn--mller-kva@one.example");
  for (const char* none : {"a@xn--", "a@xn--a", "a@xn--99999999", "a@xn---", "a@xn--zzzz!", "a@xn--mller-KVA9.example"})
    EXPECT_EQ(normalize_identifier("email", none), freshet::lower_case(none)) << "it is no name";
}

RC_GTEST_PROP(IdentifierTest, AnAddressTwiceIsOnce, ()) {
  const std::string text =
      *rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{
                        "a",      "E\u0301", "@", "<",      ">",         "\"",      "'",      ".",      ",",
                        ";",      "mailto:", "?", "xn--",   "mller-kva", "fsqu00a", "\uff20", "\uff45", "\u0301",
                        "\u3002", "\u200b",  " ", "\u00fc", "9",         "-",       "\xff"})),
                    [](const std::vector<std::string>& parts) {
                      std::string all;
                      for (const std::string& part : parts) all += part;
                      return all;
                    });
  const std::string once = normalize_identifier("email", text);
  RC_ASSERT(normalize_identifier("email", once) == once);
}

// What forms, spreadsheets and newsletter tools put around an address, or into it.
TEST(IdentifierTest, NormalizesWhatNobodySees) {
  for (const char* padded : {"\u00a0cy@one.example", "cy@one.example\u200b", "\ufeffcy@one.example",
                             "cy@one.example\u3000", " \u2003\tcy@one.example\u00a0\r\n", "c\u200by@one\u2060.example",
                             "\u061ccy@one\u206a.example", "cy\u00ad@one.example\u2028"})
    EXPECT_EQ(normalize_identifier("email", padded), "cy@one.example") << padded;
  EXPECT_EQ(normalize_identifier("user_id", "\u00a0U\u200b1\ufeff"), "U\u200b1") << "inside, it may be meant";
  EXPECT_EQ(normalize_identifier("phone", "\u202a+91 20 5550 0100\u202c"), "+91 20 5550 0100");
  EXPECT_EQ(normalize_identifier("email", "\u200b\u00a0"), "");
  const Tenant tenant = default_tenant("t");
  for (const char* value : {"\u00a0", "\u200bnull\u200b", "\u00a0\"undefined\"\u00a0", "\ufeff0"})
    EXPECT_TRUE(is_blocked_identifier(value, tenant.rules)) << value;
}

TEST(IdentifierTest, EmailsHaveNoCaseBeyondAsciiEither) {
  EXPECT_EQ(normalize_identifier("email", "J\u00dcRGEN@M\u00dcLLER.example"), "j\u00fcrgen@m\u00fcller.example");
  EXPECT_EQ(normalize_identifier("email", "\u0416\u0415\u041d\u042f@\u041f\u041e\u0427\u0422\u0410.example"),
            "\u0436\u0435\u043d\u044f@\u043f\u043e\u0447\u0442\u0430.example");
  EXPECT_EQ(normalize_identifier("email", "\u03a3\u039f\u03a6\u0399\u0391\u03a3@x.example"),
            normalize_identifier("email", "\u03c3\u03bf\u03c6\u03b9\u03b1\u03c2@x.example"));
  EXPECT_EQ(normalize_identifier("email", "\u0141\u00d3D\u0179\u0130\u1e9e\u212a\uff21"),
            "\u0142\u00f3d\u017ai\u00dfka");
  EXPECT_EQ(normalize_identifier("email", "\u5f20@\u4f8b.\u00d7\U0001f600"), "\u5f20@\u4f8b.\u00d7\U0001f600");
  EXPECT_EQ(normalize_identifier("email", "A\xff\xc3@\xe2\x80"), "a\xff\xc3@\xe2\x80") << "damaged bytes stay";
  EXPECT_EQ(normalize_identifier("user_id", "\u00dc"), "\u00dc");
  rc::check("doing it twice changes nothing more", [](const std::string& text) {
    const std::string once = normalize_identifier("email", text);
    RC_ASSERT(normalize_identifier("email", once) == once);
  });
}

// Two forms that look the same are one address. Ids of other kinds stay as whoever made them tells them apart.
TEST(IdentifierTest, EmailsHaveLettersWithTheirMarksAsOne) {
  EXPECT_EQ(normalize_identifier("email", "Jose\u0301@B.c"), normalize_identifier("email", "JOS\u00c9@b.C"));
  EXPECT_EQ(normalize_identifier("email", "E\u0323\u0302@b.c"), normalize_identifier("email", "\u1ec6@b.c"));
  EXPECT_EQ(normalize_identifier("email", "I\u0307@b.c"), normalize_identifier("email", "\u0130@b.c"));
  EXPECT_EQ(normalize_identifier("email", "mailto: A@b.c"), "a@b.c");
  EXPECT_EQ(normalize_identifier("email", "MAILTO:Jos\u00e9@b.c"), "jos\u00e9@b.c");
  EXPECT_EQ(normalize_identifier("email", "mailto:mailto:a@b.c"), "a@b.c");
  EXPECT_NE(normalize_identifier("user_id", "Jose\u0301"), normalize_identifier("user_id", "Jos\u00e9"));
}

// Reports of partners and libraries write one id in either case.
TEST(IdentifierTest, AdvertisingIdsHaveTheCaseOfTheirPlatform) {
  const std::string capitals = "9E4E09DA-41D9-4C4B-8E0D-1F2F5F2F0A11", small = "9e4e09da-41d9-4c4b-8e0d-1f2f5f2f0a11";
  for (const char* type : {"idfa", "idfv"}) EXPECT_EQ(normalize_identifier(type, small), capitals) << type;
  for (const char* type : {"gaid", "oaid", "amazon_aid"})
    EXPECT_EQ(normalize_identifier(type, capitals), small) << type;
  EXPECT_EQ(normalize_identifier("idfa", capitals), capitals);
  EXPECT_EQ(normalize_identifier("anonymous_id", capitals), capitals);
  EXPECT_EQ(normalize_identifier("idfa", "a-text-of-thirty-six-characters-long"),
            "a-text-of-thirty-six-characters-long");
}

TEST(IdentifierTest, EarlierReleasesSpelledOtherwise) {
  const Tenant tenant = default_tenant("t");
  using Spellings = std::vector<std::string>;
  EXPECT_EQ(all_spellings(tenant, "email", " A@B.c"), Spellings{"a@b.c"});
  EXPECT_EQ(all_spellings(tenant, "email", "JOSE\u0301@\u00d6.c"),
            (Spellings{"jos\u00e9@\u00f6.c", "jose\u0301@\u00f6.c", "jose\u0301@\u00d6.c"}));
  EXPECT_EQ(all_spellings(tenant, "user_id", "\u00a0u1 "), (Spellings{"u1", "\u00a0u1"}));
  EXPECT_EQ(all_spellings(tenant, "phone", "tel:+91 98-1"), (Spellings{"+91981", "tel:+91 98-1"}));
  EXPECT_EQ(all_spellings(tenant, "user_id", " "), Spellings{});
  EXPECT_EQ(all_spellings(tenant, "user_id", "null"), Spellings{"null"});
}

// A tenant's own values stand for a number in whatever way it is written.
TEST(IdentifierTest, BlocksPhoneNumbersInAnySpelling) {
  Tenant tenant = default_tenant("t");
  tenant.phones.default_country = "91";
  tenant.rules.add_blocked_values("99999 99999");
  for (const char* sent : {"9999999999", "+91 99999-99999", "+91", "91", "+"})
    EXPECT_TRUE(is_blocked_phone(tenant, normalize_identifier(tenant, "phone", sent))) << sent;
  for (const char* sent : {"9999999998", "112", "ask at the desk"})
    EXPECT_FALSE(is_blocked_phone(tenant, normalize_identifier(tenant, "phone", sent))) << sent;
}

TEST(IdentifierTest, BlocksMessageIdsOfNobody) {
  for (const char* id : {"undefined", "null", "\"null\"", "[object Object]", "{{messageId}}", " ", "", "-", "NaN",
                         "00000000-0000-0000-0000-000000000000"})
    EXPECT_TRUE(is_blocked_message_id(id)) << id;
  for (const char* id : {"0", "-1", "000", "17", "m-0", "0-0"}) EXPECT_FALSE(is_blocked_message_id(id)) << id;
}

TEST(IdentifierTest, SortsByPriorityAndDropsRepetitions) {
  const Tenant tenant = default_tenant("t");
  google::protobuf::RepeatedPtrField<v1::Identifier> list;
  for (const auto& [type, value] :
       {std::pair{"anonymous_id", "a"}, {"email", "e"}, {"user_id", "u"}, {"email", "e"}, {"zip", "z"}})
    *list.Add() = make(type, value);
  sort_identifiers(v1::ENTITY_KIND_USER, tenant.rules, list);
  ASSERT_EQ(list.size(), 4);
  EXPECT_EQ(list[0].type(), "user_id");
  EXPECT_EQ(list[1].type(), "email");
  EXPECT_EQ(list[2].type(), "anonymous_id");
  EXPECT_EQ(list[3].type(), "zip");
}

// IDENTITY case 19: the same value under two types is two identifiers.
TEST(IdentifierTest, TypesAndKindsAreApart) {
  EXPECT_NE(identifier_key("t", v1::ENTITY_KIND_USER, make("a", "x")),
            identifier_key("t", v1::ENTITY_KIND_USER, make("b", "x")));
  EXPECT_NE(identifier_key("t", v1::ENTITY_KIND_USER, make("a", "x")),
            identifier_key("t", v1::ENTITY_KIND_DEVICE, make("a", "x")));
  EXPECT_NE(entity_id("t", v1::ENTITY_KIND_USER, make("a", "x"), 0),
            entity_id("t", v1::ENTITY_KIND_USER, make("a", "x"), 1));
}

TEST(EntityRefTest, SurvivalIsATotalOrder) {
  EntityRef identified{.id = hash128("z"), .rank = 0};
  EntityRef anonymous{.id = hash128("a"), .rank = 3, .shared_root = true};
  EXPECT_TRUE(survives(identified, anonymous));
  EXPECT_FALSE(survives(anonymous, identified));
  rc::check("exactly one of two survives", [](const std::string& x, const std::string& y, uint8_t ranks) {
    RC_PRE(x != y);
    const EntityRef a{.id = hash128(x), .rank = static_cast<uint32_t>(ranks & 3)};
    const EntityRef b{.id = hash128(y), .rank = static_cast<uint32_t>(ranks >> 6)};
    RC_ASSERT(survives(a, b) != survives(b, a));
  });
}

TEST(EntityRefTest, SurvivesItsProtobuf) {
  const EntityRef ref{.id = hash128("x"), .rank = 2, .shared_root = true, .kind = v1::ENTITY_KIND_DEVICE};
  v1::EntityRef wire;
  to_proto(ref, wire);
  const EntityRef back = from_proto(wire);
  EXPECT_EQ(back.id, ref.id);
  EXPECT_EQ(back.rank, ref.rank);
  EXPECT_EQ(back.shared_root, ref.shared_root);
  EXPECT_EQ(back.kind, ref.kind);
}

}  // namespace
}  // namespace freshet::model
