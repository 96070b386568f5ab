// What a key of web pages can do to somebody's identifiers: claim them, and no more. What a server key says of a person
// stands against any number of made-up ones, in every order of arrival.
#include <fmt/core.h>

#include "testing/action/checks.h"

namespace freshet::action::testing {
namespace {

constexpr int64_t kDayOfClaimsUs = 86'400'000'000;

v1::Envelope vouched(v1::Envelope record) {
  record.set_verified(true);
  return record;
}

v1::Envelope on_day(v1::Envelope record, int64_t day) {
  record.set_received_at_us(record.received_at_us() + day * kDayOfClaimsUs);
  return record;
}

v1::Envelope claim_by(int who, const char* email, int64_t time_us) {
  return make_record(fmt::format("m{}-{}", who, time_us), {{"user_id", fmt::format("x{}", who)}, {"email", email}},
                     time_us, "E");
}

model::Tenant tenant_of_few_claimants() {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.set_claimants_max(3);
  return tenant;
}

TEST_P(IdentityCases, StrangersTakeNoVerifiedAddressHoweverManyTheyAre) {
  TestCluster c(GetParam(), 31, tenant_of_few_claimants());
  in_this_order(c, {vouched(make_record("v", {{"user_id", "vip"}, {"email", "vip@x"}}, 1, "E"))});
  for (int who = 1; who <= 12; ++who) in_this_order(c, {on_day(claim_by(who, "vip@x", 1 + who), who)});
  EXPECT_EQ(describe(*owner_of(c, "email", "vip@x")), "email=vip@x user_id=vip | | E=1 1..1 | 1..1 1 messages");
  EXPECT_EQ(c.dropped(Reason::kContested), 8u) << "the first four were looked into";
  EXPECT_EQ(messages_of(c), 13u);
  in_this_order(c, {make_record("w", {{"email", "vip@x"}}, 20, "E")});
  EXPECT_EQ(owner_of(c, "user_id", "vip")->messages(), 2u) << "what names the address alone finds its person";
}

TEST_P(IdentityCases, WithoutServerKeysOnlyDaysMakeAnAddressCommon) {
  TestCluster c(GetParam(), 32, tenant_of_few_claimants());
  for (int who = 1; who <= 12; ++who) in_this_order(c, {claim_by(who, "info@x", who)});
  EXPECT_TRUE(lists(*owner_of(c, "email", "info@x"), "user_id", "x1")) << "all of it in one day";
  for (int who = 13; who <= 17; ++who) in_this_order(c, {on_day(claim_by(who, "info@x", who), who)});
  EXPECT_TRUE(lists(*owner_of(c, "email", "info@x"), "user_id", "x1"));
  in_this_order(c, {on_day(claim_by(18, "info@x", 18), 18)});
  EXPECT_FALSE(owner_of(c, "email", "info@x").has_value()) << "on the seventh day";
  EXPECT_EQ(messages_of(c), 18u);
}

TEST_P(IdentityCases, WhoeverIsVouchedForGetsTheAddressInEveryOrder) {
  const std::vector<v1::Envelope> records = {
      claim_by(1, "vip@x", 9),
      claim_by(2, "vip@x", 8),
      vouched(make_record("v", {{"user_id", "vip"}, {"email", "vip@x"}}, 1, "E")),
      make_record("p", {{"user_id", "vip"}, {"phone", "1"}}, 2, "E"),
  };
  for (const bool moves : {false, true}) {
    model::Tenant tenant = tenant_of_few_claimants();
    if (moves) tenant.rules.add_conflict_move("email");
    in_every_order(
        GetParam(), records,
        [](TestCluster& c) {
          EXPECT_EQ(describe(*owner_of(c, "email", "vip@x")),
                    "email=vip@x phone=1 user_id=vip | | E=2 1..2 | 1..2 2 messages");
          EXPECT_EQ(live(c).size(), 3u);
        },
        tenant);
  }
}

// The profile had the address before anybody vouched for it: its home must hear of that.
TEST_P(IdentityCases, AnAddressIsProtectedFromTheRecordOnThatVouchesForIt) {
  TestCluster c(GetParam(), 33, tenant_of_few_claimants());
  in_this_order(c, {make_record("v1", {{"user_id", "vip"}, {"email", "vip@x"}}, 1, "E"),
                    vouched(make_record("v2", {{"user_id", "vip"}, {"email", "vip@x"}}, 1, "E"))});
  for (int who = 1; who <= 12; ++who) in_this_order(c, {on_day(claim_by(who, "vip@x", 1 + who), who)});
  EXPECT_TRUE(lists(*owner_of(c, "email", "vip@x"), "user_id", "vip"));
}

// A record without a user_id is of whoever has the address, so it makes no right of a stranger's claim.
TEST_P(IdentityCases, ARecordByTheAddressAloneVouchesForNobody) {
  TestCluster c(GetParam(), 34, tenant_of_few_claimants());
  in_this_order(c, {claim_by(1, "vip@x", 1), vouched(make_record("a", {{"email", "vip@x"}, {"phone", "1"}}, 2, "E")),
                    vouched(make_record("v", {{"user_id", "vip"}, {"email", "vip@x"}, {"phone", "1"}}, 1, "E"))});
  EXPECT_EQ(describe(*owner_of(c, "user_id", "vip")), "email=vip@x phone=1 user_id=vip | | E=1 1..1 | 1..1 1 messages");
}

// Of two that are vouched for, the one that had it keeps it; a claim that was refused is not made again with each
// record.
TEST_P(IdentityCases, OfTwoThatAreVouchedForTheFirstKeepsIt) {
  TestCluster c(GetParam(), 35, tenant_of_few_claimants());
  in_this_order(c, {vouched(claim_by(1, "e@x", 1)), claim_by(2, "e@x", 2), vouched(claim_by(2, "e@x", 3)),
                    vouched(claim_by(2, "e@x", 4)), claim_by(2, "e@x", 5)});
  EXPECT_TRUE(lists(*owner_of(c, "email", "e@x"), "user_id", "x1"));
  EXPECT_EQ(c.refused(Reason::kIdentifierLimit), 2u) << "once, and once more with a server key";
}

TEST_P(IdentityCases, VerifiedClaimsMakeAnAddressCommonAtOnce) {
  TestCluster c(GetParam(), 36, tenant_of_few_claimants());
  for (int who = 1; who <= 5; ++who) in_this_order(c, {vouched(claim_by(who, "info@x", who))});
  EXPECT_FALSE(owner_of(c, "email", "info@x").has_value());
}

}  // namespace
}  // namespace freshet::action::testing
