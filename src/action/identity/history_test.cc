// The history of an identity: which records made it what it is.
#include "action/events/history.h"

#include <fmt/core.h>

#include "model/document.h"
#include "model/json.h"
#include "testing/action/checks.h"

namespace freshet::action::testing {
namespace {

std::string shown_history(TestCluster& c, const v1::EntityState& e) {
  const auto documents = c.documents();
  const auto found = documents.find(fmt::format("{} {}", static_cast<int>(e.ref().kind()), hex(e.ref())));
  if (found == documents.end()) return "no document";
  const v1::Value* value = model::find_field(found->second, v1::HISTORY, "");
  std::string json;
  if (value != nullptr) model::append_json_value(json, *value);
  return json;
}

class History : public IdentityCases {};
INSTANTIATE_TEST_SUITE_P(Partitions, History, ::testing::Values(1, 2, 5, 16));

TEST_P(History, TellsWhatMadeAProfile) {
  TestCluster c(GetParam(), 1);
  v1::Envelope first = make_record("m1", {{"anonymous_id", "a"}}, 1, "E");
  first.set_received_at_us(first.received_at_us() - 1);
  in_this_order(c, {first, make_record("m2", {{"user_id", "u1"}, {"email", "e"}}, 2, "E"),
                    make_record("m3", {{"user_id", "u1"}, {"anonymous_id", "a"}}, 3, "E"),
                    make_record("m4", {{"user_id", "u2"}, {"anonymous_id", "a"}}, 4, "E"),
                    make_record("m5", {{"user_id", "u2"}, {"email", "e"}}, 5, "E"),
                    make_unlink("k1", "u1", {"email", "e"}, 6), make_record("m6", {{"user_id", "u1"}}, 7, "E")});
  EXPECT_EQ(
      history_of(*owner_of(c, "user_id", "u1")),
      "created anonymous_id=a by m1, created user_id=u1 by m2, linked email=e by m2, linked anonymous_id=a by m3, "
      "merged by m3, moved anonymous_id=a by m4, unlinked email=e (record) by k1");
  EXPECT_EQ(history_of(*owner_of(c, "user_id", "u2")),
            "created user_id=u2 by m4, linked anonymous_id=a by m4, linked email=e by m5, "
            "refused email=e (identifier_limit) by m5");
}

TEST_P(History, IsASectionOfTheDocumentAndTellsNoValueThatIsNotItsOwn) {
  TestCluster c(GetParam(), 1);
  in_this_order(c, {make_record("m1", {{"user_id", "u1"}, {"email", "e"}}, 1, "E"),
                    make_record("m2", {{"user_id", "u2"}, {"email", "e"}}, 2, "E")});
  EXPECT_EQ(shown_history(c, *owner_of(c, "user_id", "u2")),
            R"([{"what":"created","type":"user_id","value":"u2","message_id":"m2",)"
            R"("timestamp":"1970-01-01T00:00:00.000Z","received_at":"1970-01-12T13:46:40.000Z"},)"
            R"({"what":"linked","type":"email","message_id":"m2",)"
            R"("timestamp":"1970-01-01T00:00:00.000Z","received_at":"1970-01-12T13:46:40.000Z"},)"
            R"({"what":"refused","type":"email","reason":"identifier_limit","message_id":"m2",)"
            R"("timestamp":"1970-01-01T00:00:00.000Z","received_at":"1970-01-12T13:46:40.000Z"}])");
}

TEST_P(History, DevicesHaveOneToo) {
  TestCluster c(GetParam(), 1);
  in_this_order(c, {with_device(make_record("m1", {{"user_id", "u"}}, 1, "E"), {{"device_id", "d"}, {"gaid", "g"}})});
  EXPECT_EQ(history_of(*owner_of(c, "gaid", "g")), "created device_id=d by m1, linked gaid=g by m1");
  EXPECT_NE(shown_history(c, *owner_of(c, "gaid", "g")).find("\"linked\""), std::string::npos);
}

TEST_P(History, ARefusedMergeIsTold) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.set_identifiers_max(1);
  TestCluster c(GetParam(), 1, tenant);
  in_this_order(c, {make_record("m1", {{"user_id", "a"}}, 1, "E"), make_record("m2", {{"user_id", "b"}}, 2, "E"),
                    make_merge("x", "a", "b", 3)});
  const std::string both = history_of(*owner_of(c, "user_id", "a")) + ", " + history_of(*owner_of(c, "user_id", "b"));
  EXPECT_NE(both.find("refused (identifiers_max) by x"), std::string::npos) << both;
}

// Each merge tells of who came with it only; the document has them all.
TEST_P(History, WhoWasMergedIsKept) {
  TestCluster c(GetParam(), 1);
  in_this_order(
      c, {make_record("m1", {{"user_id", "a"}}, 1, "E"), make_record("m2", {{"user_id", "b"}}, 2, "E"),
          make_record("m3", {{"user_id", "d"}}, 3, "E"), make_merge("x", "a", "b", 4), make_merge("y", "b", "d", 5)});
  const auto owner = owner_of(c, "user_id", "a");
  ASSERT_EQ(owner->merged_size(), 2);
  const auto documents = c.documents();
  const v1::Document& document =
      documents.at(fmt::format("{} {}", static_cast<int>(owner->ref().kind()), hex(owner->ref())));
  const v1::Value* const told = model::find_field(document, v1::MERGED_FROM, "");
  ASSERT_NE(told, nullptr);
  ASSERT_EQ(told->list().values_size(), 2);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(told->list().values(i).text(), hex(owner->merged(i)));
}

TEST_P(History, IsBounded) {
  TestCluster c(GetParam(), 1);
  for (int i = 0; i < 100; ++i)
    c.send(make_record(fmt::format("m{:03}", i), {{"user_id", "u"}, {"anonymous_id", fmt::format("a{}", i)}}, i, "E"));
  c.run();
  const auto owner = owner_of(c, "user_id", "u");
  ASSERT_EQ(owner->history_size(), kHistoryEntriesMax);
  EXPECT_EQ(owner->history(0).what(), v1::HistoryEntry::CREATED);
  EXPECT_EQ(owner->history(kHistoryEntriesMax - 1).use().time_us(), 94) << "what a99 made it let go";
}

TEST(HistoryList, MergedInOrderOfReceipt) {
  const auto state_with = [](std::initializer_list<int> times) {
    v1::EntityState state;
    for (const int time : times) {
      v1::HistoryEntry entry;
      entry.set_received_at_us(time);
      entry.mutable_use()->set_message_id(std::to_string(time));
      add_history(state, std::move(entry));
    }
    return state;
  };
  v1::EntityState all = state_with({1, 4, 6});
  absorb_history(all, state_with({2, 4, 7, 3}));
  std::string order;
  for (const v1::HistoryEntry& entry : all.history()) order += entry.use().message_id();
  EXPECT_EQ(order, "1234467");
}

}  // namespace
}  // namespace freshet::action::testing
