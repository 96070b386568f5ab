#include "action/identity/claims.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <random>
#include <vector>

namespace freshet::action {
namespace {

constexpr int64_t kClaimDayUs = 86'400'000'000;

Tenant claim_tenant(bool knows_verified = true) {
  Tenant tenant;
  tenant.rules.set_claimants_max(3);
  tenant.rules.add_user_priority("user_id");
  tenant.knows_verified = knows_verified;
  return tenant;
}

state::Alias held_alias(bool verified = false) {
  state::Alias alias;
  alias.held = true;
  alias.verified = verified;
  return alias;
}

v1::Loop claim_of(uint64_t who, int64_t day, bool verified = false) {
  v1::Loop claim;
  claim.mutable_ref()->set_id_high(who);
  claim.mutable_use()->set_verified(verified);
  claim.set_received_at_us(day * kClaimDayUs + 5);
  return claim;
}

TEST(ClaimsTest, ClaimsOfADayMakeNothingCommon) {
  const Tenant tenant = claim_tenant();
  state::Alias alias = held_alias();
  for (uint64_t who = 1; who <= 4; ++who)
    EXPECT_EQ(count_claim(alias, claim_of(who, 1), tenant), ClaimVerdict::kCounted) << who;
  for (uint64_t who = 5; who <= 200; ++who)
    EXPECT_EQ(count_claim(alias, claim_of(who, 1), tenant), ClaimVerdict::kContested) << who;
  EXPECT_EQ(count_claim(alias, claim_of(2, 1), tenant), ClaimVerdict::kCounted) << "it was one of the first";
  EXPECT_EQ(alias.claimants.size(), 4u) << "nobody makes a row grow without end";
  for (int64_t day = 2; day <= kClaimDays - 1; ++day)
    EXPECT_EQ(count_claim(alias, claim_of(300 + static_cast<uint64_t>(day), day), tenant), ClaimVerdict::kContested);
  EXPECT_EQ(count_claim(alias, claim_of(400, kClaimDays), tenant), ClaimVerdict::kCommon);
  EXPECT_TRUE(alias.common);
  EXPECT_TRUE(alias.claimants.empty() && alias.claim_days.empty() && alias.verified_claimants.empty());
}

TEST(ClaimsTest, WhoeverSharesAnAddressOverDaysMakesItCommon) {
  const Tenant tenant = claim_tenant();
  state::Alias alias = held_alias();
  for (uint64_t day = 1; day < kClaimDays; ++day)
    EXPECT_NE(count_claim(alias, claim_of(day, static_cast<int64_t>(day)), tenant), ClaimVerdict::kCommon);
  EXPECT_EQ(count_claim(alias, claim_of(kClaimDays, kClaimDays), tenant), ClaimVerdict::kCommon);
}

TEST(ClaimsTest, NoNumberOfOthersStandsAgainstAVerifiedHolder) {
  const Tenant tenant = claim_tenant();
  state::Alias alias = held_alias(true);
  for (uint64_t k = 1; k <= 300; ++k)
    EXPECT_NE(count_claim(alias, claim_of(k, static_cast<int64_t>(k)), tenant), ClaimVerdict::kCommon);
  // Only the tenant itself says that it is nobody's.
  for (uint64_t k = 1; k <= 3; ++k)
    EXPECT_EQ(count_claim(alias, claim_of(1000 + k, 1, true), tenant), ClaimVerdict::kCounted);
  EXPECT_EQ(count_claim(alias, claim_of(1004, 1, true), tenant), ClaimVerdict::kCommon);
}

TEST(ClaimsTest, LogicBeforeCountsEveryClaim) {
  const Tenant tenant = claim_tenant(false);
  state::Alias alias = held_alias();
  for (uint64_t who = 1; who <= 3; ++who)
    EXPECT_EQ(count_claim(alias, claim_of(who, 1), tenant), ClaimVerdict::kCounted);
  EXPECT_EQ(count_claim(alias, claim_of(3, 2), tenant), ClaimVerdict::kCounted) << "the same one again";
  EXPECT_EQ(count_claim(alias, claim_of(4, 1), tenant), ClaimVerdict::kCommon);
}

RC_GTEST_PROP(ClaimsProperty, TheOrderOfClaimsDoesNotMatter, ()) {
  const Tenant tenant = claim_tenant();
  const bool holder_verified = *rc::gen::arbitrary<bool>();
  std::vector<v1::Loop> claims;
  for (int n = *rc::gen::inRange(1, 40); n > 0; --n)
    claims.push_back(
        claim_of(*rc::gen::inRange<uint64_t>(1, 9), *rc::gen::inRange<int64_t>(1, 12), *rc::gen::inRange(0, 4) == 0));
  const auto is_common_after = [&](const std::vector<v1::Loop>& order) {
    state::Alias alias = held_alias(holder_verified);
    for (const v1::Loop& claim : order)
      if (count_claim(alias, claim, tenant) == ClaimVerdict::kCommon) return true;
    return false;
  };
  std::vector<v1::Loop> other = claims;
  std::shuffle(other.begin(), other.end(), std::mt19937_64(*rc::gen::arbitrary<uint64_t>()));
  RC_ASSERT(is_common_after(claims) == is_common_after(other));
}

TEST(ClaimsTest, WhatIsVerifiedComesFirst) {
  v1::Use early, late;
  early.set_time_us(1);
  late.set_time_us(2);
  EXPECT_TRUE(goes_over(early, late, true));
  EXPECT_FALSE(goes_over(late, early, true));
  EXPECT_FALSE(goes_over(early, late, false)) << "it stays";
  early.set_verified(true);
  EXPECT_TRUE(goes_over(late, early, true));
  EXPECT_TRUE(goes_over(late, early, false));
  EXPECT_FALSE(goes_over(early, late, true));
  v1::Use both = early;
  merge_use(both, late);
  EXPECT_EQ(both.time_us(), 2);
  EXPECT_TRUE(both.verified());
}

v1::Envelope record_that_names(std::initializer_list<const char*> types) {
  v1::Envelope record;
  for (const char* type : types) record.add_user()->set_type(type);
  return record;
}

TEST(ClaimsTest, WhatSaysWhoseAnIdentifierIs) {
  Tenant tenant = claim_tenant();
  tenant.rules.add_shared("anonymous_id");
  tenant.knows_whose = true;
  const auto says = [&](const v1::Envelope& record, const char* type, v1::EntityKind kind = v1::ENTITY_KIND_USER) {
    v1::Identifier identifier;
    identifier.set_type(type);
    return says_whose(record, kind, identifier, tenant);
  };
  EXPECT_TRUE(says(record_that_names({"user_id"}), "user_id"));
  EXPECT_TRUE(says(record_that_names({"user_id", "email"}), "email"));
  EXPECT_TRUE(says(record_that_names({"user_id", "anonymous_id"}), "anonymous_id"));
  EXPECT_FALSE(says(record_that_names({"anonymous_id"}), "anonymous_id"));
  EXPECT_FALSE(says(record_that_names({"anonymous_id", "anonymous_id"}), "anonymous_id"));
  EXPECT_FALSE(says(record_that_names({"email"}), "email"));
  EXPECT_FALSE(says(record_that_names({"email", "phone"}), "phone"));
  EXPECT_TRUE(says(record_that_names({"email", "anonymous_id"}), "anonymous_id"));
  EXPECT_FALSE(says(record_that_names({"email", "anonymous_id"}), "email")) << "the tablet is not a person";
  v1::Envelope merge = record_that_names({"phone"});
  merge.set_kind(v1::Envelope::MERGE);
  EXPECT_TRUE(says(merge, "phone"));
  EXPECT_TRUE(says({}, "push_token", v1::ENTITY_KIND_DEVICE));
  tenant.knows_whose = false;
  EXPECT_TRUE(says(record_that_names({"anonymous_id"}), "anonymous_id")) << "as the logic before had it";
}

// Whoever is said to have used it comes first, however long ago; of others the latest.
TEST(ClaimsTest, UsesThatSayWhoseComeAfterAllOthers) {
  Tenant tenant = claim_tenant();
  tenant.rules.add_shared("anonymous_id");
  tenant.knows_whose = true;
  v1::Envelope alone = record_that_names({"anonymous_id"}), with_user = record_that_names({"user_id", "anonymous_id"});
  v1::IdentifierUse listed;
  listed.mutable_identifier()->set_type("anonymous_id");
  const auto use_at = [&](v1::Envelope& record, int64_t time_us) {
    record.set_time_us(time_us);
    renew_use(listed, record, v1::ENTITY_KIND_USER, tenant);
    return time_of_record(listed.use());
  };
  alone.set_time_us(10);
  *listed.mutable_use() = identifier_use(alone, v1::ENTITY_KIND_USER, listed.identifier(), tenant);
  EXPECT_EQ(use_at(alone, 9), 10);
  EXPECT_EQ(use_at(alone, 1'767'323'045'678'000), 1'767'323'045'678'000);
  EXPECT_EQ(use_at(with_user, 5), 5);
  EXPECT_EQ(use_at(alone, 11), 5);
  EXPECT_EQ(use_at(with_user, 6), 6);
  EXPECT_EQ(use_at(with_user, 4), 6);
}

TEST(ClaimsTest, ARecordVerifiesIfItNamesSomebodyByTheFirstType) {
  const Tenant tenant = claim_tenant();
  v1::Envelope record;
  record.add_user()->set_type("email");
  record.set_verified(true);
  EXPECT_FALSE(is_verified(record, tenant)) << "whoever has the address need not have a right to it";
  record.mutable_user(0)->set_type("user_id");
  EXPECT_TRUE(is_verified(record, tenant));
  EXPECT_FALSE(is_verified(record, claim_tenant(false)));
  record.set_verified(false);
  EXPECT_FALSE(is_verified(record, tenant));
}

}  // namespace
}  // namespace freshet::action
