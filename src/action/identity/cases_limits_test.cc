// IDENTITY: too many, and rules that change. Cases 15, 16, 24. What is refused depends on the order; nothing is lost.
#include <fmt/core.h>

#include "action/identity/messages.h"
#include "testing/action/checks.h"

namespace freshet::action::testing {
namespace {

std::vector<v1::Envelope> people_with(const std::pair<std::string, std::string>& identifier, int count) {
  std::vector<v1::Envelope> records;
  for (int i = 1; i <= count; ++i)
    records.push_back(make_record(fmt::format("m{}", i), {{"user_id", fmt::format("u{}", i)}, identifier}, i, "E"));
  for (v1::Envelope& record : records) record.set_verified(true);
  return records;
}

TEST_P(IdentityCases, C15_AnEmailSharedByTooManyIsDroppedTheEventsKept) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.set_claimants_max(3);
  TestCluster c(GetParam(), 15, tenant);
  const std::vector<v1::Envelope> records = people_with({"email", "info@shop"}, 6);
  in_this_order(c, {records.begin(), records.begin() + 4});
  EXPECT_TRUE(lists(*owner_of(c, "email", "info@shop"), "user_id", "u1")) << "three others have asked for it";
  in_this_order(c, {records.begin() + 4, records.end()});
  EXPECT_FALSE(owner_of(c, "email", "info@shop").has_value());
  EXPECT_EQ(live(c).size(), 6u);
  EXPECT_EQ(messages_of(c), 6u);
  EXPECT_EQ(c.dropped(Reason::kCommon), 3u) << "of its holder, of the fourth who asked and of the fifth";
  // By itself it is a profile of its own, and stays one.
  in_this_order(c, {make_record("m7", {{"email", "info@shop"}}, 7, "E"),
                    make_record("m8", {{"user_id", "u8"}, {"email", "info@shop"}}, 8, "E")});
  EXPECT_EQ(describe(*owner_of(c, "email", "info@shop")), "email=info@shop | | E=1 7..7 | 7..7 1 messages");
  EXPECT_EQ(live(c).size(), 8u);
}

TEST_P(IdentityCases, C15_ATabletSharedByTooManyConservesInAnyOrder) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.set_claimants_max(2);
  std::vector<v1::Envelope> records = people_with({"anonymous_id", "tablet"}, 4);
  records.push_back(make_record("m5", {{"anonymous_id", "tablet"}}, 5, "E"));
  in_every_order(
      GetParam(), records,
      [](TestCluster& c) {
        EXPECT_EQ(messages_of(c), 5u);
        EXPECT_EQ(c.events().size(), 5u);
        EXPECT_GE(live(c).size(), 4u);
        for (const auto& e : live(c)) EXPECT_LE(e.messages(), 2u) << describe(e);
      },
      tenant);
}

// A and B both list an address, and their join is refused for it. Before B hears that it is to hand it over it gives it
// up, and then the two become one for another reason: what remains of the dispute reaches A, to whom nobody has told
// that its address is free.
TEST_P(IdentityCases, WhoIsToGiveUpSomethingToItselfClaimsItAgain) {
  TestCluster c(GetParam(), 17);
  in_this_order(c, {make_record("m1", {{"user_id", "u1"}, {"email", "a@b.c"}}, 1, "E")});
  const v1::EntityState before = *owner_of(c, "email", "a@b.c");
  const auto say = [&](v1::Loop loop) {
    loop.set_kind(v1::ENTITY_KIND_USER);
    v1::Envelope envelope = make_message(loop);
    envelope.set_received_at_us(2);
    c.send_to(target_of(loop, "t", c.partitions()), envelope);
    c.run();
  };
  v1::Identifier email;
  email.set_type("email");
  email.set_value("a@b.c");
  v1::Loop freed;
  freed.set_type(v1::Loop::FREE);
  *freed.mutable_identifier() = email;
  *freed.mutable_ref() = before.ref();
  for (const bool to_the_claimant : {false, true}) {
    say(freed);
    const messages::Refusal told{before.ref(), before.ref(), email, "identifier_limit", 2};
    say(to_the_claimant ? messages::stays(told, false, false) : messages::moves(told, {}));
    in_this_order(c, {make_record(to_the_claimant ? "m3" : "m2", {{"email", "a@b.c"}}, 3, "E")});
    EXPECT_EQ(live(c).size(), 1U) << "the address leads to who lists it";
  }
  EXPECT_EQ(owner_of(c, "email", "a@b.c")->messages(), 3U);
}

constexpr int64_t kMinute = 60'000'000;

v1::Envelope event_at(int number, const std::string& user, int64_t received_at_us) {
  v1::Envelope record = make_record(fmt::format("e{}", number), {{"user_id", user}}, received_at_us, "E");
  record.set_received_at_us(received_at_us);
  return record;
}

TEST_P(IdentityCases, EventsOfAPersonBeyondItsLimitsAreDeadLetters) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.mutable_person_limits()->set_per_minute(2);
  tenant.rules.mutable_person_limits()->set_per_hour(3);
  TestCluster c(GetParam(), 17, tenant);
  std::vector<v1::Envelope> records;
  for (int i = 0; i < 3; ++i) records.push_back(event_at(i, "u", kMinute + i));
  for (int i = 3; i < 5; ++i) records.push_back(event_at(i, "u", 2 * kMinute + i));
  records.push_back(event_at(5, "other", 2 * kMinute));
  v1::Envelope attribute = make_record("a", {{"user_id", "u"}}, 2 * kMinute);
  set_attribute(attribute, "city", "Pune");
  records.push_back(attribute);
  in_this_order(c, records);
  EXPECT_EQ(owner_of(c, "user_id", "u")->messages(), 4u) << "three events, and what is no event";
  EXPECT_EQ(owner_of(c, "user_id", "other")->messages(), 1u);
  EXPECT_EQ(c.events().size(), 4u);
  ASSERT_EQ(c.dead_letters().size(), 2u);
  v1::DeadLetter letter;
  ASSERT_TRUE(letter.ParseFromString(c.dead_letters()[0]));
  EXPECT_EQ(letter.code(), "person_limit");
  EXPECT_EQ(letter.message_id(), "e2");
  EXPECT_EQ(letter.body(), records[2].SerializeAsString());
  // After another hour there is room again; a profile that absorbs another one has had what both had.
  in_this_order(c, {event_at(6, "u", 100 * kMinute), event_at(7, "other", 100 * kMinute),
                    make_merge("x", "u", "other", 100 * kMinute), event_at(8, "u", 100 * kMinute + 5)});
  EXPECT_EQ(owner_of(c, "user_id", "other")->messages(), 7u);
  EXPECT_EQ(c.dead_letters().size(), 3u);
}

TEST_P(IdentityCases, C16_OverTheCapOfMergesEventsStillResolve) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.set_merges_max(2);
  TestCluster c(GetParam(), 16, tenant);
  std::vector<v1::Envelope> records;
  for (const char* user : {"a", "b", "c", "d"}) records.push_back(make_record(user, {{"user_id", user}}, 1, "E"));
  for (const char* user : {"b", "c", "d"}) records.push_back(make_merge(fmt::format("x{}", user), "a", user, 2));
  for (const char* user : {"a", "b", "c", "d"})
    records.push_back(make_record(fmt::format("{}2", user), {{"user_id", user}}, 3, "E"));
  in_this_order(c, records);
  EXPECT_EQ(profiles(c), (std::vector<std::string>{"user_id=a user_id=b user_id=c | | E=6 1..3 | 1..3 6 messages",
                                                   "user_id=d | | E=2 1..3 | 1..3 2 messages"}));
  EXPECT_EQ(c.refused(Reason::kMergesMax), 1u);
}

TEST_P(IdentityCases, C16_OverTheCapOfIdentifiersEventsStillResolve) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.set_identifiers_max(3);
  TestCluster c(GetParam(), 16, tenant);
  in_this_order(c, {make_record("m1", {{"user_id", "u"}, {"email", "e1"}, {"email", "e2"}, {"email", "e3"}}, 1, "E"),
                    make_record("m2", {{"email", "e3"}}, 2, "E"),
                    make_record("m3", {{"user_id", "u"}, {"phone", "p"}}, 3, "E"), make_merge("x", "u", "v", 4)});
  EXPECT_EQ(describe(*owner_of(c, "user_id", "u")), "email=e1 email=e2 user_id=u | | E=2 1..3 | 1..3 2 messages");
  EXPECT_EQ(describe(*owner_of(c, "email", "e3")), "email=e3 | | E=1 2..2 | 2..2 1 messages");
  EXPECT_EQ(c.dropped(Reason::kIdentifiersMax), 2u);
  EXPECT_EQ(c.refused(Reason::kIdentifiersMax), 1u) << "not even an explicit merge exceeds it";
}

TEST_P(IdentityCases, C16_OverTheLimitOfATypeTheFirstStay) {
  TestCluster c(GetParam(), 16);
  std::vector<v1::Envelope> records;
  for (int i = 1; i <= 6; ++i)
    records.push_back(make_record(fmt::format("m{}", i), {{"user_id", "u"}, {"email", fmt::format("e{}", i)}}, i, "E"));
  in_this_order(c, records);
  EXPECT_EQ(profiles(c), (std::vector<std::string>{
                             "email=e1 email=e2 email=e3 email=e4 email=e5 user_id=u | | E=6 1..6 | 1..6 6 messages"}));
  EXPECT_EQ(c.dropped(Reason::kIdentifierLimit), 1u);
}

// Of a shared type the least recently used one goes, in whatever order they come.
TEST_P(IdentityCases, C16_OverTheLimitOfASharedTypeTheLastUsedStay) {
  model::Tenant tenant = model::default_tenant("t");
  model::set_identifier_limit(tenant.rules, "anonymous_id", 2);
  std::vector<v1::Envelope> records;
  for (int i = 1; i <= 4; ++i)
    records.push_back(
        make_record(fmt::format("m{}", i), {{"user_id", "u"}, {"anonymous_id", fmt::format("a{}", i)}}, i, "E"));
  in_every_order(
      GetParam(), records,
      [](TestCluster& c) {
        EXPECT_EQ(
            profiles(c),
            (std::vector<std::string>{"anonymous_id=a3 anonymous_id=a4 user_id=u | | E=4 1..4 | 1..4 4 messages"}));
      },
      tenant);
}

TEST_P(IdentityCases, C16_OverTheCapOfDevicesEventsStillResolve) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.set_attached_max(2);
  TestCluster c(GetParam(), 16, tenant);
  std::vector<v1::Envelope> records;
  for (int i = 1; i <= 4; ++i)
    records.push_back(with_device(make_record(fmt::format("m{}", i), {{"user_id", "u"}}, i, "E"),
                                  {{"device_id", fmt::format("d{}", i)}}));
  for (int i = 5; i <= 7; ++i)
    records.push_back(with_device(make_record(fmt::format("m{}", i), {{"user_id", fmt::format("u{}", i)}}, i, "E"),
                                  {{"device_id", "d1"}}));
  in_this_order(c, records);
  EXPECT_EQ(owner_of(c, "user_id", "u")->attached_size(), 2);
  EXPECT_EQ(owner_of(c, "user_id", "u")->messages(), 4u);
  EXPECT_EQ(owner_of(c, "device_id", "d1")->attached_size(), 2);
  EXPECT_EQ(live(c, v1::ENTITY_KIND_DEVICE).size(), 4u);
  EXPECT_EQ(c.dropped(Reason::kDevicesMax), 2u);
  EXPECT_EQ(c.dropped(Reason::kUsersMax), 2u);
  for (size_t i = 0; i < 4; ++i) {
    const std::string device = hex(owner_of(c, "device_id", fmt::format("d{}", i + 1))->ref());
    EXPECT_NE(c.events()[i].find("\"device\":\"" + device), std::string::npos) << c.events()[i];
  }
}

TEST_P(IdentityCases, C24_UnderStricterRulesProfilesStayReadable) {
  TestCluster c(GetParam(), 24);
  in_this_order(c, {make_record("m1", {{"user_id", "u"}, {"email", "e1"}, {"email", "e2"}, {"email", "e3"}}, 1, "E"),
                    make_record("m2", {{"user_id", "u"}, {"phone", "p"}, {"anonymous_id", "a1"}}, 2, "E"),
                    make_record("m3", {{"user_id", "u"}, {"anonymous_id", "a2"}}, 3, "E")});
  const std::vector<std::string> before = profiles(c);
  model::Tenant tenant = model::default_tenant("t");
  model::set_identifier_limit(tenant.rules, "email", 1);
  model::set_identifier_limit(tenant.rules, "anonymous_id", 1);
  tenant.rules.set_identifiers_max(2);
  tenant.rules.set_attached_max(1);
  tenant.rules.mutable_user_priority()->Clear();
  tenant.rules.add_user_priority("user_id");  // phone, email and anonymous_id are no types any more
  c.change_rules(tenant);
  c.run();
  check_end(c);
  EXPECT_EQ(profiles(c), before) << "a change of rules alone changes no profile";
  in_this_order(c, {make_record("m4", {{"email", "e2"}}, 4, "E"), make_record("m5", {{"phone", "p"}}, 5, "E"),
                    make_record("m6", {{"user_id", "u"}, {"email", "e4"}}, 6, "E")});
  EXPECT_EQ(profiles(c), (std::vector<std::string>{"anonymous_id=a2 email=e1 email=e2 email=e3 phone=p user_id=u | | "
                                                   "E=6 1..6 | 1..6 6 messages"}))
      << "what it has still leads to it, nothing is added, and of shared ones the last used stays";
}

}  // namespace
}  // namespace freshet::action::testing
