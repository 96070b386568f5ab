// Audiences over partitions, merges and erasures: who is in one is who meets it as one person, and the stream of events
// tells of each entering and leaving once.
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "action/control.h"
#include "testing/action/checks.h"
#include "testing/audiences.h"

namespace freshet::action::testing {
namespace {

using freshet::testing::add_audience;

model::Tenant tenant_with_audiences() {
  model::Tenant tenant = model::default_tenant("t");
  v1::ComputedRule& orders = *tenant.rules.add_computed();
  orders.set_name("orders");
  orders.set_op(v1::ComputedRule::COUNT);
  orders.set_event("Order");
  add_audience(tenant.rules, "vip", "computed.orders", v1::ComputedRule::GE, 2);
  add_audience(tenant.rules, "vip", "city", v1::ComputedRule::EQ, "Pune");
  add_audience(tenant.rules, "quiet", "computed.orders", v1::ComputedRule::LT, 2);
  tenant.rules.add_enrich("city");
  return tenant;
}

std::string member(const std::string& event, const std::string& key) {
  const std::string begin = "\"" + key + "\":\"";
  const size_t at = event.find(begin);
  return at == std::string::npos
             ? ""
             : event.substr(at + begin.size(), event.find('"', at + begin.size()) - at - begin.size());
}

bool is_move(const std::string& event) { return member(event, "source") == "audiences"; }

// What the events say in the end, by profile: "quiet vip"; each entering and leaving may be said once.
std::map<std::string, std::set<std::string>> told(TestCluster& c) {
  std::map<std::string, std::set<std::string>> in;
  std::set<std::string> ids;
  for (const std::string& event : c.events()) {
    if (!is_move(event)) continue;
    EXPECT_TRUE(ids.insert(member(event, "message_id")).second) << event;
    std::set<std::string>& mine = in[member(event, "user")];
    const std::string audience = member(event, "audience");
    EXPECT_TRUE(member(event, "event") == "Audience Entered" ? mine.insert(audience).second : mine.erase(audience) == 1)
        << event;
  }
  std::erase_if(in, [](const auto& one) { return one.second.empty(); });
  return in;
}

// The same of documents.
std::map<std::string, std::set<std::string>> shown(TestCluster& c) {
  std::map<std::string, std::set<std::string>> in;
  for (const auto& [key, document] : c.documents())
    for (const v1::Field& field : document.fields())
      if (field.section() == v1::AUDIENCES) in[key.substr(key.size() - 32)].insert(field.name());
  return in;
}

v1::Envelope said_by(const std::string& message, const Ids& user, int64_t time_us, const char* city,
                     const char* event) {
  v1::Envelope record = make_record(message, user, time_us, event);
  if (*city != '\0') set_attribute(record, "city", city);
  return record;
}

TEST_P(IdentityCases, MembersAreTheSameInAnyOrder) {
  in_every_order(
      GetParam(),
      {said_by("m1", {{"anonymous_id", "a"}}, 1, "Pune", "Order"), said_by("m2", {{"user_id", "u"}}, 2, "", "Order"),
       said_by("m3", {{"user_id", "u"}, {"anonymous_id", "a"}}, 3, "", ""),
       said_by("m4", {{"user_id", "v"}}, 4, "Oslo", "Order"), said_by("m5", {{"user_id", "v"}}, 5, "Pune", "")},
      [](TestCluster& c) {
        const auto in = shown(c);
        EXPECT_EQ(in, told(c));
        EXPECT_EQ(in.at(hex(owner_of(c, "user_id", "u")->ref())), std::set<std::string>{"vip"});
        EXPECT_EQ(in.at(hex(owner_of(c, "user_id", "v")->ref())), std::set<std::string>{"quiet"});
        EXPECT_EQ(in.size(), 2u) << "who was merged is in none";
      },
      tenant_with_audiences());
}

TEST_P(IdentityCases, AMergeMovesAnAudienceAndAnErasureEndsIt) {
  TestCluster c(GetParam(), 5, tenant_with_audiences());
  in_this_order(c, {said_by("m1", {{"user_id", "u"}}, 1, "Pune", "Order"),
                    said_by("m2", {{"user_id", "u"}}, 2, "", "Order"), said_by("m3", {{"user_id", "v"}}, 3, "", "")});
  ASSERT_EQ(shown(c).size(), 1u);
  in_this_order(c, {make_merge("x", "v", "u", 10)});
  EXPECT_EQ(shown(c), told(c));
  const std::string id = hex(owner_of(c, "user_id", "v")->ref());
  EXPECT_EQ(shown(c).at(id), std::set<std::string>{"vip"});
  std::vector<std::string> moves;
  for (const std::string& event : c.events())
    if (is_move(event))
      moves.push_back(
          fmt::format("{} {} {}", member(event, "event"), member(event, "audience"), member(event, "reason")));
  const auto has = [&](const char* text) { return std::count(moves.begin(), moves.end(), text); };
  // Which of the two survives depends on their ids.
  EXPECT_EQ(has("Audience Entered vip change"), 1);
  EXPECT_EQ(has("Audience Entered vip moved"), has("Audience Left vip merge"));
  in_this_order(c, {make_erase("y", "user_id", "u", 20)});
  EXPECT_TRUE(shown(c).empty());
  EXPECT_TRUE(told(c).empty());
  EXPECT_EQ(member(c.events().back(), "reason"), "erase");
  EXPECT_EQ(c.events().back().find("Pune"), std::string::npos) << "of who is erased nothing but the id is told";
}

TEST_P(IdentityCases, OtherAudiencesAreJudgedStepByStep) {
  TestCluster c(GetParam(), 9, tenant_with_audiences());
  std::vector<v1::Envelope> records = {said_by("m1", {{"user_id", "u"}}, 1, "Pune", "Order"),
                                       said_by("m2", {{"user_id", "v"}}, 2, "Oslo", "")};
  // More than a step has.
  for (int i = 0; i < 600; ++i)
    records.push_back(said_by(fmt::format("x{}", i), {{"user_id", fmt::format("x{}", i)}}, 3, "x", "Order"));
  for (const v1::Envelope& record : records) c.send(record);
  c.run();
  model::Tenant other = tenant_with_audiences();
  other.rules.clear_audiences();
  add_audience(other.rules, "north", "city", v1::ComputedRule::EQ, "Oslo");
  c.change_rules(other);
  c.run(0.3);
  EXPECT_EQ(shown(c), told(c));
  ASSERT_EQ(shown(c).size(), 1u);
  EXPECT_EQ(shown(c).at(hex(owner_of(c, "user_id", "v")->ref())), std::set<std::string>{"north"});
}

// A state for another number of partitions goes on with who is in what.
TEST_P(IdentityCases, AudiencesSurviveAnotherNumberOfPartitions) {
  TestCluster before(GetParam(), 11, tenant_with_audiences());
  in_this_order(before, {said_by("m1", {{"user_id", "u"}}, 1, "Pune", "Order"),
                         said_by("m2", {{"user_id", "v"}}, 2, "", "Order")});
  TestCluster after(before, GetParam() + 2, 12);
  in_this_order(after,
                {said_by("m3", {{"user_id", "u"}}, 3, "", "Order"), said_by("m4", {{"user_id", "v"}}, 4, "x", "")});
  std::vector<std::string> moves;
  for (size_t i = before.events().size(); i < after.events().size(); ++i)
    if (const std::string& event = after.events()[i]; is_move(event))
      moves.push_back(member(event, "event") + " " + member(event, "audience"));
  std::sort(moves.begin(), moves.end());
  EXPECT_EQ(moves, (std::vector<std::string>{"Audience Entered vip", "Audience Left quiet"})) << "v stays quiet";
}

}  // namespace
}  // namespace freshet::action::testing
