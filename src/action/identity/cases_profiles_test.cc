// IDENTITY: what becomes of a profile when it is merged, erased, replayed. Cases 11 to 13, 17, 18, 21 to 23.
#include <fmt/core.h>

#include "model/document.h"
#include "testing/action/checks.h"

namespace freshet::action::testing {
namespace {

std::string only_document_json(TestCluster& c) {
  const auto documents = c.documents();
  EXPECT_EQ(documents.size(), 1u);
  return documents.empty() ? "" : model::document_json("t", v1::ENTITY_KIND_USER, {}, documents.begin()->second);
}

TEST_P(IdentityCases, C11_AnEventForAMergedIdReachesTheSurvivorAlsoAfterARestart) {
  TestCluster c(GetParam(), 7);
  in_this_order(c, {make_record("m1", {{"user_id", "a"}}, 1, "E"), make_record("m2", {{"user_id", "b"}}, 2, "E"),
                    make_merge("x", "a", "b", 3), make_record("m3", {{"user_id", "b"}}, 4, "E")});
  for (uint32_t p = 0; p < GetParam(); ++p) c.crash(p);
  in_this_order(c, {make_record("m4", {{"user_id", "b"}}, 5, "E"), make_record("m5", {{"user_id", "a"}}, 6, "E")});
  EXPECT_EQ(profiles(c), (std::vector<std::string>{"user_id=a user_id=b | | E=5 1..6 | 1..6 5 messages"}));
}

TEST_P(IdentityCases, C12_AttributesSurviveAMergeCountersAreNotDoubledHistoryIsKept) {
  v1::Envelope a = make_record("m1", {{"user_id", "a"}}, 1, "E"), b = make_record("m2", {{"user_id", "b"}}, 2, "E");
  set_attribute(a, "city", "Pune");
  set_attribute(a, "name", "Asha");
  set_attribute(b, "city", "Delhi");
  set_attribute(b, "plan", "gold");
  in_every_order(GetParam(), {a, b, a, make_merge("x", "a", "b", 3), make_merge("y", "b", "a", 4)}, [](TestCluster& c) {
    const auto all = live(c);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(describe(all[0]),
              "user_id=a user_id=b | city=text: \"Delhi\" name=text: \"Asha\" plan=text: \"gold\" | "
              "E=2 1..2 | 1..2 2 messages");
    int merged = 0;
    for (const v1::HistoryEntry& entry : all[0].history()) merged += entry.what() == v1::HistoryEntry::MERGED;
    EXPECT_EQ(merged, 1) << history_of(all[0]);
  });
}

TEST_P(IdentityCases, C13_FirstSeenIsTheMinimumSumsAddUpArraysStayArrays) {
  model::Tenant tenant = model::default_tenant("t");
  v1::ComputedRule& spent = *tenant.rules.add_computed();
  spent.set_name("spent");
  spent.set_op(v1::ComputedRule::SUM);
  spent.set_property("total");
  spent.set_event("Buy");
  const auto buy = [](const char* id, const Ids& who, int64_t time, const char* total, const char* tag) {
    v1::Envelope record = make_record(id, who, time, "Buy");
    record.mutable_events(0)->set_properties(fmt::format("{{\"total\":{}}}", total));
    v1::AttributeOp& op = *record.add_attributes();
    op.set_type(v1::AttributeOp::ADD_TO_SET);
    op.set_name("tags");
    op.add_elements()->set_text(tag);
    return record;
  };
  in_every_order(
      GetParam(),
      {buy("m1", {{"user_id", "u"}}, 5'000'000, "0.1", "x"), buy("m2", {{"anonymous_id", "a"}}, 3'000'000, "0.2", "y"),
       buy("m3", {{"email", "e"}}, 9'000'000, "1000000000000.05", "x"),
       make_record("m4", {{"user_id", "u"}, {"anonymous_id", "a"}, {"email", "e"}}, 4'000'000)},
      [](TestCluster& c) {
        const std::string json = only_document_json(c);
        for (const char* part :
             {R"("tags":["x","y"])", R"("spent":1000000000000.35)", R"("first_seen":"1970-01-01T00:00:03)",
              R"("last_seen":"1970-01-01T00:00:09)", R"("Buy":{"count":3,"first_at":"1970-01-01T00:00:03)"})
          EXPECT_NE(json.find(part), std::string::npos) << part << " is not in " << json;
      },
      tenant);
}

TEST_P(IdentityCases, C18_AnIdentifierIsTakenFromOneAndGivenToAnother) {
  TestCluster c(GetParam(), 18);
  in_this_order(
      c, {make_record("m1", {{"user_id", "u1"}, {"email", "e"}, {"phone", "p"}}, 1, "E"),
          make_unlink("k", "u1", {"email", "e"}, 2), make_record("m2", {{"user_id", "u2"}, {"email", "e"}}, 3, "E"),
          make_record("m3", {{"email", "e"}}, 4, "E"), make_record("m4", {{"user_id", "u1"}}, 5, "E")});
  EXPECT_EQ(profiles(c), (std::vector<std::string>{"email=e user_id=u2 | | E=2 3..4 | 3..4 2 messages",
                                                   "phone=p user_id=u1 | | E=2 1..5 | 1..5 2 messages"}));
}

// An email that made the profile can be taken from it too: its id is never used again.
TEST_P(IdentityCases, C18_TheRootOfAProfileIsTakenFromIt) {
  TestCluster c(GetParam(), 18);
  in_this_order(c, {make_record("m1", {{"email", "e"}, {"phone", "p"}}, 1, "E")});
  const std::string first = hex(owner_of(c, "email", "e")->ref());
  v1::Envelope unlink = make_unlink("k", "", {"email", "e"}, 2);
  *unlink.mutable_user(0) = make_record("", {{"phone", "p"}}, 0).user(0);
  in_this_order(c, {unlink, make_record("m2", {{"email", "e"}}, 3, "E")});
  EXPECT_EQ(profiles(c), (std::vector<std::string>{"email=e | | E=1 3..3 | 3..3 1 messages",
                                                   "phone=p | | E=1 1..1 | 1..1 1 messages"}));
  EXPECT_NE(hex(owner_of(c, "email", "e")->ref()), first);
}

TEST_P(IdentityCases, C21_ErasedStaysErasedUntilToldOtherwise) {
  TestCluster c(GetParam(), 3);
  const v1::Envelope early = make_record("m1", {{"user_id", "u"}, {"email", "e"}, {"anonymous_id", "a"}}, 1, "E");
  in_this_order(
      c, {early, make_record("m2", {{"user_id", "u"}, {"email", "e"}}, 1, "E"), make_erase("x", "user_id", "u", 2),
          make_record("m3", {{"user_id", "u"}}, 3, "E"), make_record("m4", {{"email", "e"}}, 3, "E"), early});
  EXPECT_TRUE(live(c).empty());
  EXPECT_TRUE(c.documents().empty());
  EXPECT_EQ(c.erased_messages(), 4u);
  for (uint32_t p = 0; p < GetParam(); ++p) c.crash(p);
  in_this_order(c, {make_record("m5", {{"user_id", "u"}, {"anonymous_id", "a"}}, 4, "E")});
  EXPECT_TRUE(live(c).empty()) << "a restart forgets nothing";
  in_this_order(c, {make_record("m6", {{"anonymous_id", "a"}}, 4, "E")});
  EXPECT_EQ(live(c).size(), 1u) << "the tablet is free";
  v1::Envelope again = make_erase("y", "user_id", "u", 5);
  again.set_kind(v1::Envelope::UNSUPPRESS);
  in_this_order(c, {again, make_record("m7", {{"user_id", "u"}, {"email", "e"}}, 6, "E")});
  EXPECT_EQ(profiles(c), (std::vector<std::string>{"anonymous_id=a | | E=1 4..4 | 4..4 1 messages",
                                                   "user_id=u | | E=1 6..6 | 6..6 1 messages"}))
      << "only what was named is free again";
}

TEST_P(IdentityCases, C21_AnEraseThatMeetsAMergeErasesBoth) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    TestCluster c(GetParam(), seed, model::default_tenant("t"), {.chunk_bytes = 40, .bytes = 80, .messages = 2});
    for (int i = 0; i < 12; ++i) {
      v1::Envelope record =
          make_record(fmt::format("m{}", i), {{"user_id", i % 2 == 0 ? "a" : "b"}}, i + 1, fmt::format("E{}", i));
      set_attribute(record, fmt::format("x{}", i), "y");
      c.send(record);
    }
    if (seed % 2 == 0) c.run();
    c.send(make_merge("x", "a", "b", 20));
    c.send(make_erase("z", "user_id", seed % 3 == 0 ? "a" : "b", 21));
    c.run(0.1, 3);
    check_end(c);
    EXPECT_EQ(messages_of(c) + c.erased_messages(), 12u) << "seed " << seed;
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

// The state is written with the offset that it stands for, so a merge done again meets the state from before it.
TEST_P(IdentityCases, C22_AMergeRepeatedAfterACrashIsDoneOnce) {
  std::vector<std::string> expected;
  for (uint64_t seed = 0; seed <= 40; ++seed) {
    TestCluster c(GetParam(), seed);
    for (const char* user : {"a", "b", "c"}) c.send(make_record(user, {{"user_id", user}}, 1, "E"));
    c.send(make_merge("x1", "a", "b", 3));
    c.send(make_merge("x2", "a", "c", 4));
    c.run(seed == 0 ? 0.0 : 0.45, 3);
    check_end(c);
    if (seed == 0) expected = profiles(c);
    ASSERT_EQ(profiles(c), expected) << "seed " << seed;
    ASSERT_EQ(c.events().size(), 3u) << "seed " << seed;
  }
  EXPECT_EQ(expected, (std::vector<std::string>{"user_id=a user_id=b user_id=c | | E=3 1..1 | 1..1 3 messages"}));
}

TEST_P(IdentityCases, C23_OfAttributeWritesOutOfOrderTheTimeDecides) {
  std::vector<v1::Envelope> records;
  for (int i = 1; i <= 4; ++i) {
    records.push_back(make_record(fmt::format("m{}", i), {{i % 2 == 0 ? "user_id" : "anonymous_id", "x"}}, i));
    if (i < 4) set_attribute(records.back(), "city", fmt::format("c{}", i));
    set_attribute(records.back(), "last", fmt::format("c{}", i));
  }
  v1::AttributeOp& unset = *records[3].add_attributes();
  unset.set_type(v1::AttributeOp::UNSET);
  unset.set_name("city");
  records.push_back(make_record("m5", {{"user_id", "x"}, {"anonymous_id", "x"}}, 5));
  in_every_order(GetParam(), records, [](TestCluster& c) {
    EXPECT_EQ(profiles(c),
              (std::vector<std::string>{"anonymous_id=x user_id=x | last=text: \"c4\" | | 1..5 5 messages"}));
  });
}

}  // namespace
}  // namespace freshet::action::testing
