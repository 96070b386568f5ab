// IDENTITY: who is one person and who is not. Cases 3 to 10, 14, 19, 20.
#include <fmt/core.h>

#include <algorithm>

#include "testing/action/checks.h"

namespace freshet::action::testing {
namespace {

TEST_P(IdentityCases, C03_PeopleOnASharedTabletStayApart) {
  std::vector<v1::Envelope> records;
  for (int i = 1; i <= 5; ++i)
    records.push_back(
        make_record(fmt::format("m{}", i), {{"user_id", fmt::format("u{}", i)}, {"anonymous_id", "tablet"}}, i, "E"));
  in_every_order(GetParam(), records, [](TestCluster& c) {
    const auto all = live(c);
    ASSERT_EQ(all.size(), 5u);
    for (const auto& e : all) EXPECT_EQ(e.messages(), 1u) << describe(e);
    EXPECT_TRUE(lists(*owner_of(c, "anonymous_id", "tablet"), "user_id", "u5")) << "it is with its last user";
  });
}

TEST_P(IdentityCases, C04_AfterLogoutTheDeviceMovesAndEarlierEventsStay) {
  TestCluster c(GetParam(), 4);
  in_this_order(c, {make_record("m1", {{"anonymous_id", "a"}}, 1, "View"),
                    make_record("m2", {{"user_id", "u1"}, {"anonymous_id", "a"}}, 2, "Login"),
                    make_record("m3", {{"anonymous_id", "a"}}, 3, "View"),
                    make_record("m4", {{"user_id", "u2"}, {"anonymous_id", "a"}}, 4, "Login"),
                    make_record("m5", {{"anonymous_id", "a"}}, 5, "View")});
  EXPECT_EQ(profiles(c),
            (std::vector<std::string>{"anonymous_id=a user_id=u2 | | Login=1 4..4 View=1 5..5 | 4..5 2 messages",
                                      "user_id=u1 | | Login=1 2..2 View=2 1..3 | 1..3 3 messages"}));
}

// What a tablet sends by itself comes to whoever has it by then. Were that his use, he would keep it where the record
// comes before the other one's claim.
TEST_P(IdentityCases, C04_ATabletIsWithWhoSignedInLast) {
  in_every_order(GetParam(),
                 {make_record("m1", {{"user_id", "u1"}, {"anonymous_id", "a"}}, 1, "Login"),
                  make_record("m2", {{"user_id", "u2"}, {"anonymous_id", "a"}}, 2, "Login"),
                  make_record("m3", {{"anonymous_id", "a"}}, 3, "View")},
                 [](TestCluster& c) {
                   EXPECT_TRUE(lists(*owner_of(c, "anonymous_id", "a"), "user_id", "u2")) << profiles(c).front();
                   EXPECT_EQ(messages_of(c), 3u);
                 });
}

TEST_P(IdentityCases, C05_TheSameEmailWithANewUserStaysWithItsHolder) {
  TestCluster c(GetParam(), 5);
  in_this_order(
      c, {make_record("m1", {{"user_id", "u1"}, {"email", "e"}}, 1, "E"),
          make_record("m2", {{"user_id", "u2"}, {"email", "e"}}, 2, "E"),
          make_record("m3", {{"user_id", "u2"}, {"email", "e"}}, 3, "E"), make_record("m4", {{"email", "e"}}, 4, "E")});
  EXPECT_EQ(profiles(c), (std::vector<std::string>{"email=e user_id=u1 | | E=2 1..4 | 1..4 2 messages",
                                                   "user_id=u2 | | E=2 2..3 | 2..3 2 messages"}));
  EXPECT_EQ(c.refused(Reason::kIdentifierLimit), 1u) << "the claimant remembers that it was refused";
}

TEST_P(IdentityCases, C05_TheSameEmailWithANewUserMovesToItsLastUser) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.add_conflict_move("email");
  in_every_order(
      GetParam(),
      {make_record("m1", {{"user_id", "u1"}, {"email", "e"}}, 1, "E"),
       make_record("m2", {{"user_id", "u2"}, {"email", "e"}}, 2, "E"),
       make_record("m3", {{"user_id", "u3"}, {"email", "e"}}, 3, "E"),
       make_record("m4", {{"user_id", "u1"}, {"phone", "p"}}, 4, "E")},
      [](TestCluster& c) {
        EXPECT_EQ(profiles(c), (std::vector<std::string>{"email=e user_id=u3 | | E=1 3..3 | 3..3 1 messages",
                                                         "phone=p user_id=u1 | | E=2 1..4 | 1..4 2 messages",
                                                         "user_id=u2 | | E=1 2..2 | 2..2 1 messages"}));
      },
      tenant);
}

TEST_P(IdentityCases, C05_AnEmailThatMovesIsWithItsLastUserAlthoughItComesAlone) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.add_conflict_move("email");
  in_every_order(
      GetParam(),
      {make_record("m1", {{"user_id", "u1"}, {"email", "e"}}, 1, "E"),
       make_record("m2", {{"user_id", "u2"}, {"email", "e"}}, 2, "E"), make_record("m3", {{"email", "e"}}, 3, "E")},
      [](TestCluster& c) { EXPECT_TRUE(lists(*owner_of(c, "email", "e"), "user_id", "u2")) << profiles(c).front(); },
      tenant);
}

TEST_P(IdentityCases, C06_TwoAnonymousDevicesAndOneLoginAreOneProfile) {
  in_every_order(
      GetParam(),
      {make_record("m1", {{"anonymous_id", "a1"}}, 1, "View"), make_record("m2", {{"anonymous_id", "a2"}}, 2, "View"),
       make_record("m3", {{"user_id", "u"}, {"anonymous_id", "a1"}}, 3),
       make_record("m4", {{"user_id", "u"}, {"anonymous_id", "a2"}}, 4),
       make_record("m4", {{"user_id", "u"}, {"anonymous_id", "a2"}}, 4)},
      [](TestCluster& c) {
        EXPECT_EQ(
            profiles(c),
            (std::vector<std::string>{"anonymous_id=a1 anonymous_id=a2 user_id=u | | View=2 1..2 | 1..4 4 messages"}));
      });
}

TEST_P(IdentityCases, C06_ARepeatedMergeChangesNothing) {
  TestCluster c(GetParam(), 6);
  in_this_order(c, {make_record("m1", {{"user_id", "a"}}, 1, "E"), make_record("m2", {{"user_id", "b"}}, 2, "E"),
                    make_merge("x1", "a", "b", 3)});
  const std::vector<std::string> once = profiles(c);
  in_this_order(c, {make_merge("x1", "a", "b", 3), make_merge("x2", "a", "b", 4), make_merge("x3", "b", "a", 5)});
  EXPECT_EQ(profiles(c), once);
}

TEST_P(IdentityCases, C07_MergesAreTransitiveAndCyclicOnesHarmless) {
  in_every_order(GetParam(),
                 {make_merge("x1", "a", "b", 1), make_merge("x2", "b", "c", 2), make_merge("x3", "c", "a", 3),
                  make_record("m1", {{"user_id", "a"}}, 1, "E"), make_record("m2", {{"user_id", "b"}}, 2, "E"),
                  make_record("m3", {{"user_id", "c"}}, 3, "E")},
                 [](TestCluster& c) {
                   EXPECT_EQ(
                       profiles(c),
                       (std::vector<std::string>{"user_id=a user_id=b user_id=c | | E=3 1..3 | 1..3 3 messages"}));
                   EXPECT_EQ(c.events().size(), 3u);
                 });
}

TEST_P(IdentityCases, C07_AChainOfIdentifiersIsOnePerson) {
  in_every_order(GetParam(),
                 {make_record("m1", {{"anonymous_id", "a"}, {"email", "e"}}, 1, "E"),
                  make_record("m2", {{"email", "e"}, {"phone", "p"}}, 2, "E"),
                  make_record("m3", {{"phone", "p"}, {"anonymous_id", "b"}}, 3, "E"),
                  make_record("m4", {{"anonymous_id", "b"}, {"user_id", "u"}}, 4, "E"),
                  make_record("m5", {{"user_id", "u"}, {"email", "e"}}, 5, "E")},
                 [](TestCluster& c) {
                   EXPECT_EQ(profiles(c),
                             (std::vector<std::string>{"anonymous_id=a anonymous_id=b email=e phone=p user_id=u | | "
                                                       "E=5 1..5 | 1..5 5 messages"}));
                 });
}

// A→B and B→C at once, in different partitions, while updates arrive for all three.
TEST_P(IdentityCases, C08_MergesAtOnceWhileUpdatesArrive) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    TestCluster c(GetParam(), seed);
    for (int i = 0; i < 30; ++i) {
      const std::string user(1, "abc"[i % 3]);
      c.send(make_record(fmt::format("m{}", i), {{"user_id", user}, {"email", "e" + user}}, 1 + i, "E"));
      if (i == 7) c.send(make_merge("x1", "b", "a", 50));
      if (i == 8) c.send(make_merge("x2", "c", "b", 51));
    }
    c.run(seed % 2 == 0 ? 0.1 : 0.0, 4);
    check_end(c);
    ASSERT_EQ(profiles(c), (std::vector<std::string>{"email=ea email=eb email=ec user_id=a user_id=b user_id=c | | "
                                                     "E=30 1..30 | 1..30 30 messages"}))
        << "seed " << seed;
    EXPECT_EQ(c.events().size(), 30u);
  }
}

TEST_P(IdentityCases, C09_FirstEventsOfOnePersonAtOnceAreOneProfile) {
  in_every_order(GetParam(),
                 {make_record("m1", {{"user_id", "u"}, {"anonymous_id", "a"}}, 1, "E"),
                  make_record("m2", {{"user_id", "u"}, {"email", "e"}}, 2, "E"),
                  make_record("m3", {{"anonymous_id", "a"}}, 3, "E"),
                  make_record("m4", {{"email", "e"}, {"anonymous_id", "a"}}, 4, "E"),
                  make_record("m5", {{"user_id", "u"}}, 5, "E")},
                 [](TestCluster& c) {
                   EXPECT_EQ(
                       profiles(c),
                       (std::vector<std::string>{"anonymous_id=a email=e user_id=u | | E=5 1..5 | 1..5 5 messages"}));
                 });
}

TEST_P(IdentityCases, C10_ABackendsEventBeforeIdentifyLeavesNoPhantom) {
  in_every_order(GetParam(),
                 {make_record("m1", {{"user_id", "u"}}, 1, "Invoice"), make_record("m2", {{"email", "e"}}, 2, "Mail"),
                  make_record("m3", {{"anonymous_id", "a"}}, 3, "View"),
                  make_record("m4", {{"user_id", "u"}, {"anonymous_id", "a"}}, 4),
                  make_record("m5", {{"user_id", "u"}, {"email", "e"}}, 5)},
                 [](TestCluster& c) {
                   EXPECT_EQ(profiles(c),
                             (std::vector<std::string>{"anonymous_id=a email=e user_id=u | | Invoice=1 1..1 "
                                                       "Mail=1 2..2 View=1 3..3 | 1..5 5 messages"}));
                   EXPECT_EQ(c.documents().size(), 1u);
                 });
}

// Segment's alias calls the previous id an anonymous one: of two identified users it joins nothing.
TEST_P(IdentityCases, C14_AnAliasDoesNotMergeTwoUsersAMergeRecordDoes) {
  const std::vector<v1::Envelope> records = {make_record("m1", {{"user_id", "u1"}}, 1, "E"),
                                             make_record("m2", {{"user_id", "u2"}}, 2, "E"),
                                             make_record("m3", {{"user_id", "u1"}, {"anonymous_id", "u2"}}, 3)};
  in_every_order(GetParam(), records, [](TestCluster& c) {
    EXPECT_EQ(profiles(c), (std::vector<std::string>{"anonymous_id=u2 user_id=u1 | | E=1 1..1 | 1..3 2 messages",
                                                     "user_id=u2 | | E=1 2..2 | 2..2 1 messages"}));
  });
  std::vector<v1::Envelope> forced = records;
  forced.push_back(make_merge("x", "u1", "u2", 4));
  in_every_order(GetParam(), forced, [](TestCluster& c) {
    EXPECT_EQ(profiles(c),
              (std::vector<std::string>{"anonymous_id=u2 user_id=u1 user_id=u2 | | E=2 1..2 | 1..3 3 messages"}));
  });
}

TEST_P(IdentityCases, C19_TheSameValueUnderTwoTypesNeverJoins) {
  in_every_order(GetParam(),
                 {make_record("m1", {{"user_id", "x"}}, 1, "E"), make_record("m2", {{"anonymous_id", "x"}}, 2, "E"),
                  make_record("m3", {{"email", "x"}}, 3, "E"), make_record("m4", {{"phone", "x"}}, 4, "E")},
                 [](TestCluster& c) { EXPECT_EQ(live(c).size(), 4u); });
}

TEST_P(IdentityCases, C19_OfDevicesNeither) {
  in_every_order(GetParam(),
                 {with_device(make_record("m1", {{"user_id", "y"}}, 5, "E"), {{"device_id", "x"}, {"gaid", "y"}}),
                  with_device(make_record("m2", {{"user_id", "x"}}, 6, "E"), {{"idfv", "x"}, {"idfa", "y"}})},
                 [](TestCluster& c) {
                   EXPECT_EQ(live(c).size(), 2u);
                   EXPECT_EQ(live(c, v1::ENTITY_KIND_DEVICE).size(), 2u);
                 });
}

TEST_P(IdentityCases, C20_IdentifiersConnectedWithinOneBatch) {
  std::vector<v1::Envelope> records = {make_record("m1", {{"anonymous_id", "a"}}, 1, "E"),
                                       make_record("m2", {{"anonymous_id", "a"}, {"email", "e"}}, 2, "E"),
                                       make_record("m3", {{"email", "e"}, {"user_id", "u"}}, 3, "E"),
                                       make_record("m4", {{"user_id", "u"}, {"phone", "p"}}, 4, "E"),
                                       make_record("m5", {{"phone", "p"}}, 5, "E")};
  const auto before = [](const auto& a, const auto& b) { return a.message_id() < b.message_id(); };
  do {
    TestCluster c(GetParam(), 20);
    for (const v1::Envelope& record : records) c.send(record);
    c.run(0, 60);
    check_end(c);
    ASSERT_EQ(profiles(c),
              (std::vector<std::string>{"anonymous_id=a email=e phone=p user_id=u | | E=5 1..5 | 1..5 5 messages"}));
  } while (std::next_permutation(records.begin(), records.end(), before));
}

}  // namespace
}  // namespace freshet::action::testing
